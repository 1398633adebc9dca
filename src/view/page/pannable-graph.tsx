import Panzoom, { type PanzoomObject } from '@panzoom/panzoom';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { GraphDrawing, type GraphPictureData } from '../../report/html/graph.tsx';
import type { Box, GraphView } from '../../report/view-model.ts';

const MIN_SCALE = 0.05;
const MAX_SCALE = 6;

/** Scale below which texts can't be read: then the drawing begins at the operation in question instead of showing all. */
const READABLE_SCALE = 0.45;

/** Pixels that an arrow key pans. */
const KEY_STEP = 60;

/** A graph that can be panned, zoomed and searched, by pointer, touch and keys. */
export function PannableGraph({ graph, title, id }: GraphPictureData) {
  const frame = useRef<HTMLElement>(null);
  const drawing = useRef<HTMLDivElement>(null);
  const panzoom = useRef<PanzoomObject>(null);
  const [query, setQuery] = useState('');
  const [current, setCurrent] = useState(0);
  const matches = useMemo(() => matchingBoxes(graph, query), [graph, query]);
  const view = (): Viewport | undefined =>
    panzoom.current && frame.current ? { panzoom: panzoom.current, frame: frame.current, graph } : undefined;
  useEffect(() => {
    if (drawing.current === null || frame.current === null) return;
    const created = Panzoom(drawing.current, {
      canvas: true,
      minScale: MIN_SCALE,
      maxScale: MAX_SCALE,
      step: 0.2,
      animate: false,
    });
    panzoom.current = created;
    const parent = frame.current;
    const zoomByWheel = (event: WheelEvent): void => {
      // Without a key, the wheel scrolls the page.
      if (event.ctrlKey || event.metaKey) created.zoomWithWheel(event);
    };
    parent.addEventListener('wheel', zoomByWheel, { passive: false });
    // Panzoom sets its first position in a timer too.
    const show = (): void => showAll({ panzoom: created, frame: parent, graph });
    const timer = setTimeout(show);
    // In a frame of another width, the drawing may lie outside.
    let shownWidth = parent.clientWidth;
    const observer = new ResizeObserver(() => {
      if (parent.clientWidth === shownWidth) return;
      shownWidth = parent.clientWidth;
      show();
    });
    observer.observe(parent);
    return () => {
      observer.disconnect();
      clearTimeout(timer);
      parent.removeEventListener('wheel', zoomByWheel);
      created.destroy();
    };
  }, [graph.width, graph.height, graph.boxes.length]);
  const showMatch = (index: number): void => {
    const viewport = view();
    if (viewport === undefined || matches.length === 0) return;
    const wrapped = (index + matches.length) % matches.length;
    setCurrent(wrapped);
    showBox(viewport, matches[wrapped], Math.max(1, viewport.panzoom.getScale()));
  };
  return (
    <div class="explorer">
      <form
        class="tools"
        aria-label={`view of ${title}`}
        onSubmit={(event) => {
          event.preventDefault();
          showMatch(current + 1);
        }}
      >
        <input
          type="search"
          value={query}
          placeholder="Find an operation"
          aria-label={`find an operation in ${title}`}
          onInput={({ currentTarget }) => {
            setQuery(currentTarget.value);
            setCurrent(0);
            const viewport = view();
            const [first] = matchingBoxes(graph, currentTarget.value);
            if (viewport !== undefined && first !== undefined)
              showBox(viewport, first, Math.max(1, viewport.panzoom.getScale()));
          }}
        />
        {query.trim() === '' ? null : (
          <>
            <span class="soft" role="status">
              {matches.length === 0 ? 'no match' : `${current + 1} of ${matches.length}`}
            </span>
            <button type="submit" disabled={matches.length < 2}>
              Next
            </button>
          </>
        )}
        <span class="zoom">
          <button type="button" aria-label="zoom in" onClick={() => panzoom.current?.zoomIn()}>
            +
          </button>
          <button type="button" aria-label="zoom out" onClick={() => panzoom.current?.zoomOut()}>
            −
          </button>
          <button
            type="button"
            onClick={() => {
              const viewport = view();
              if (viewport !== undefined) showAll(viewport);
            }}
          >
            Fit
          </button>
        </span>
      </form>
      <section
        ref={frame}
        class="frame"
        tabindex={0}
        aria-label={title}
        style={{ height: `${Math.round(Math.min(420, Math.max(160, graph.height + 24)))}px` }}
        onKeyDown={(event) => {
          const viewport = view();
          if (viewport !== undefined && handleKey(viewport, event.key)) event.preventDefault();
        }}
      >
        <div ref={drawing} class="drawing" style={{ width: `${graph.width}px`, height: `${graph.height}px` }}>
          <GraphDrawing graph={graph} title={title} id={id} isMatch={(box) => matches.includes(box)} />
        </div>
      </section>
      <p class="soft hint">Drag to pan. Zoom with Ctrl and the wheel, two fingers, or the keys + and −.</p>
    </div>
  );
}

interface Viewport {
  readonly panzoom: PanzoomObject;
  readonly frame: HTMLElement;
  readonly graph: GraphView;
}

function matchingBoxes({ boxes }: GraphView, query: string): readonly Box[] {
  const text = query.trim().toLowerCase();
  if (text === '') return [];
  return boxes.filter(({ title, note }) => `${title} ${note}`.toLowerCase().includes(text));
}

/** Shows the whole graph; one that would be too small to read from the operation in question on. */
function showAll(viewport: Viewport): void {
  const { graph, frame } = viewport;
  const { clientWidth, clientHeight } = frame;
  const scale = Math.min(1, clientWidth / graph.width, clientHeight / graph.height);
  const origin = graph.boxes.find(({ role }) => role === 'origin' || role === 'finding');
  if (scale < READABLE_SCALE && origin !== undefined) showBox(viewport, origin, 0.9);
  else centre(viewport, graph.width / 2, graph.height / 2, scale);
}

function showBox(viewport: Viewport, { x, y }: Box, scale: number): void {
  centre(viewport, x, y, scale);
}

/** Puts a point of the drawing into the middle of the frame. The drawing is scaled about its own middle, and moved before it is scaled. */
function centre(
  { panzoom, frame, graph: { width, height } }: Viewport,
  x: number,
  y: number,
  scale: number,
): void {
  panzoom.zoom(scale, { animate: false });
  panzoom.pan(
    (frame.clientWidth - width) / 2 / scale + width / 2 - x,
    (frame.clientHeight - height) / 2 / scale + height / 2 - y,
    { animate: false },
  );
}

/** @returns whether the key does something */
function handleKey(viewport: Viewport, key: string): boolean {
  const { panzoom } = viewport;
  const step = KEY_STEP / panzoom.getScale();
  const pan = (x: number, y: number): void => void panzoom.pan(x, y, { relative: true });
  switch (key) {
    case 'ArrowLeft':
      pan(step, 0);
      return true;
    case 'ArrowRight':
      pan(-step, 0);
      return true;
    case 'ArrowUp':
      pan(0, step);
      return true;
    case 'ArrowDown':
      pan(0, -step);
      return true;
    case '+':
    case '=':
      panzoom.zoomIn();
      return true;
    case '-':
      panzoom.zoomOut();
      return true;
    case '0':
      showAll(viewport);
      return true;
    default:
      return false;
  }
}
