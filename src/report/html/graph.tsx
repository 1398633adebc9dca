import { curveBasis, line } from 'd3-shape';
import { type ComponentType, createContext } from 'preact';
import { useContext } from 'preact/hooks';
import { escapeControl } from '../../core/escape-control.ts';
import type { Box, GraphView } from '../view-model.ts';

/** A graph to draw, with its title and the prefix of IDs of its elements. */
export interface GraphPictureData {
  readonly graph: GraphView;
  readonly title: string;
  readonly id: string;
}

/** Draws a graph that has been laid out, as `GraphRendering` has it. */
export function GraphPicture(data: GraphPictureData) {
  const Rendering = useContext(GraphRendering);
  return <Rendering {...data} />;
}

/** The graph in a part of the page that scrolls. */
function ScrolledGraph({ graph, title, id }: GraphPictureData) {
  return (
    <section class="scroll" tabindex={0} aria-label={title}>
      <GraphDrawing graph={graph} title={title} id={id} />
    </section>
  );
}

/** How graphs are shown; a page with a script of its own may show them otherwise. */
export const GraphRendering = createContext<ComponentType<GraphPictureData>>(ScrolledGraph);

/** The drawing alone; boxes that match are marked. */
export function GraphDrawing({
  graph,
  title,
  id,
  isMatch = () => false,
}: GraphPictureData & { readonly isMatch?: (box: Box) => boolean }) {
  const curve = line<readonly [number, number]>().curve(curveBasis);
  const { width, height, boxes, arrows } = graph;
  return (
    <svg
      class="graph"
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-label={title}
    >
      <defs>
        {(['path', 'around'] as const).map((role) => (
          <marker
            key={role}
            id={`${id}-${role}`}
            viewBox="0 0 8 8"
            refX="8"
            refY="4"
            markerWidth="8"
            markerHeight="8"
            markerUnits="userSpaceOnUse"
            orient="auto"
          >
            <path class={`head-${role}`} d="M0,0L8,4L0,8z" />
          </marker>
        ))}
      </defs>
      {arrows.map(({ points, label, role }) => {
        const [x, y] = points[Math.floor(points.length / 2)];
        return (
          <g key={points.join()}>
            <path class={`arrow ${role}`} d={curve(points) ?? ''} marker-end={`url(#${id}-${role})`} />
            {label === '' ? null : (
              <text class="soft" x={x} y={y - 6} text-anchor="middle">
                {label}
              </text>
            )}
          </g>
        );
      })}
      {boxes.map((box) => {
        const { x, y, width: w, height: h, title: name, note, role } = box;
        return (
          <g key={`${x} ${y}`}>
            <rect
              class={`box ${role}${isMatch(box) ? ' match' : ''}`}
              x={x - w / 2}
              y={y - h / 2}
              width={w}
              height={h}
              rx="6"
            />
            <text x={x} y={note === '' ? y + 4 : y - 3} text-anchor="middle">
              {escapeControl(name)}
            </text>
            {note === '' ? null : (
              <text class="soft" x={x} y={y + 13} text-anchor="middle">
                {escapeControl(note)}
              </text>
            )}
          </g>
        );
      })}
    </svg>
  );
}
