import { measureLinePath, type ReferenceLines } from './lines.ts';
import { measureSteps, NearestInputs } from './paths.ts';

/** A way to go between two inputs, whose paths are measured: the decoder's, or a control. */
export const PATH_KINDS = ['latent', 'pixels', 'reconstructions'] as const;
export type PathKind = (typeof PATH_KINDS)[number];

/** A path of any data. */
export interface MeasuredPath {
  /** Index of its pair. */
  readonly pair: number;
  /** Mean over its points of the smallest cosine distance to an input. */
  readonly distance: number;
  readonly smoothness: number | undefined;
  readonly jumps: boolean;
  /** Whether all points have the class of both ends; undefined where the ends differ, or there is no judge. */
  readonly staysInClass: boolean | undefined;
}

/** Means over paths. */
export interface PathFigures {
  /** Mean smallest cosine distance to an input or to a line; less that of reconstructions where these are known. */
  readonly distance: number;
  readonly smoothness: number | null;
  /** Paths left out of the smoothness, since they have hardly any length. */
  readonly leftOut: number;
  /** Share of paths on which one step has more than half of the length; null for the task of lines. */
  readonly jumps: number | null;
  /** Share of paths between two inputs of one class that stay in it; null without a judge, or without such paths. */
  readonly consistency: number | null;
}

/**
 * Measures paths of any data.
 *
 * @param paths points of each path
 * @param features of each point of each path, in which steps are measured; the points themselves without a judge
 * @param classes of each point of each path; undefined without a judge
 */
export function measurePaths(
  inputs: readonly Float32Array[],
  paths: readonly (readonly Float32Array[])[],
  features: readonly (readonly ArrayLike<number>[])[],
  classes: readonly (readonly number[])[] | undefined,
): MeasuredPath[] {
  const nearest = new NearestInputs(inputs);
  return paths.map((points, pair) => ({
    pair,
    distance: meanOf(points.map((point) => nearest.distance(point))),
    ...measureSteps(features[pair]),
    staysInClass: classes === undefined ? undefined : staysInClass(classes[pair]),
  }));
}

function staysInClass(classes: readonly number[]): boolean | undefined {
  const [first] = classes;
  if (first !== classes[classes.length - 1]) return undefined;
  return classes.every((other) => other === first);
}

/** Measures paths of pictures of lines. */
export function measureLinePaths(
  lines: ReferenceLines,
  paths: readonly (readonly Float32Array[])[],
): MeasuredPath[] {
  return paths.map((points, pair) => ({
    pair,
    ...measureLinePath(lines, points),
    jumps: false,
    staysInClass: undefined,
  }));
}

/**
 * Means over paths; those without a smoothness are left out of it and counted.
 *
 * @param zero distance that counts as 0: that of reconstructions
 */
export function figuresOf(paths: readonly MeasuredPath[], isOfLines: boolean, zero = 0): PathFigures {
  const smooth = paths.flatMap(({ smoothness }) => (smoothness === undefined ? [] : [smoothness]));
  const ofOneClass = paths.filter(({ staysInClass: stays }) => stays !== undefined);
  return {
    distance: meanOf(paths.map(({ distance }) => distance)) - zero,
    smoothness: smooth.length === 0 ? null : meanOf(smooth),
    leftOut: paths.length - smooth.length,
    jumps: isOfLines ? null : meanOf(paths.map(({ jumps }) => Number(jumps))),
    consistency:
      ofOneClass.length === 0 ? null : meanOf(ofOneClass.map(({ staysInClass: stays }) => Number(stays))),
  };
}

/** The paths whose largest step is the largest share of them, the worst first. */
export function worstPaths(paths: readonly MeasuredPath[], count: number): MeasuredPath[] {
  return [...paths]
    .sort((a, b) => (b.smoothness ?? -1) - (a.smoothness ?? -1) || a.pair - b.pair)
    .slice(0, count);
}

function meanOf(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
