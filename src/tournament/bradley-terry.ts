import { type Random, randomStream } from '../core/random.ts';
import type { Interval, Match } from './match.ts';
import { solvePositiveDefinite } from './solve.ts';

/** Rating of a player of average strength, and rating points of a unit of strength: Glickman's scale. */
export const MEAN_RATING = 1500;
export const POINTS = 173.7178;

/** Weight of the sum of squares that strengths are shrunk by: without it, who wins every game is infinitely strong. */
const RIDGE = 0.005;

/** Share of each Newton step that is taken, the longest change of a strength in a step, and the change that ends the search. */
const DAMPING = 0.7;
const MAX_STEP = 2;
const TOLERANCE = 1e-9;
/** As `TOLERANCE`, of draws: a hundred-thousandth of a unit is nothing beside an interval. */
const DRAW_TOLERANCE = 1e-5;
const MAX_STEPS = 1000;

/** Draws of an interval, and the share that it holds. */
const DRAWS = 200;
const LEVEL = 0.95;

/** What players scored against each other: `[players, players]`, of the row's player against the column's. */
export type ScoreMatrix = Float64Array;

/** Rating with its interval of 95 %. */
export interface BradleyTerryRating extends Interval {
  readonly rating: number;
}

/** Sums of scores by pairs of players. */
export function scoreMatrix(matches: readonly Match[], players: number): ScoreMatrix {
  const matrix = new Float64Array(players * players);
  for (const { first, second, scores } of matches)
    for (let i = 0; i < scores.length; i++) {
      matrix[first * players + second] += scores[i];
      matrix[second * players + first] += 1 - scores[i];
    }
  return matrix;
}

/**
 * Strengths θ that maximise Σ w·log σ(θᵢ − θⱼ) − 0.005·Σ θ², by damped Newton steps (Bradley & Terry 1952). Their sum is 0.
 *
 * @param start strengths to begin at; 0 by default
 * @param tolerance longest change of a strength that ends the search
 */
export function bradleyTerry(
  matrix: ScoreMatrix,
  players: number,
  start?: Float64Array,
  tolerance = TOLERANCE,
): Float64Array {
  const strengths = start?.slice() ?? new Float64Array(players);
  const gradient = new Float64Array(players);
  const curvature = new Float64Array(players * players);
  for (let step = 0; step < MAX_STEPS; step++) {
    differentiate(matrix, strengths, gradient, curvature);
    const move = solvePositiveDefinite(curvature, gradient);
    const longest = move.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const share = DAMPING * Math.min(1, MAX_STEP / longest);
    for (let i = 0; i < players; i++) strengths[i] += share * move[i];
    if (longest < tolerance) break;
  }
  const mean = strengths.reduce((sum, value) => sum + value, 0) / players;
  return strengths.map((value) => value - mean);
}

/** The gradient of the likelihood, and its negative second derivatives. */
function differentiate(
  matrix: ScoreMatrix,
  strengths: Float64Array,
  gradient: Float64Array,
  curvature: Float64Array,
): void {
  const players = strengths.length;
  curvature.fill(0);
  for (let i = 0; i < players; i++) {
    gradient[i] = -2 * RIDGE * strengths[i];
    curvature[i * players + i] = 2 * RIDGE;
  }
  for (let i = 0; i < players; i++)
    for (let j = i + 1; j < players; j++) {
      const won = matrix[i * players + j];
      const games = won + matrix[j * players + i];
      if (games === 0) continue;
      const expected = 1 / (1 + Math.exp(strengths[j] - strengths[i]));
      const difference = won - games * expected;
      const weight = games * expected * (1 - expected);
      gradient[i] += difference;
      gradient[j] -= difference;
      curvature[i * players + i] += weight;
      curvature[j * players + j] += weight;
      curvature[i * players + j] -= weight;
      curvature[j * players + i] -= weight;
    }
}

/**
 * Ratings with intervals from 200 bootstrap draws of whole seeds: games on one seed are not independent.
 *
 * @param seed master seed of the draws
 */
export function rateByBradleyTerry(
  matches: readonly Match[],
  players: number,
  seed: string,
): BradleyTerryRating[] {
  if (players === 0) return [];
  const fitted = bradleyTerry(scoreMatrix(matches, players), players);
  const shares = sharesBySeed(matches);
  const draws = Array.from({ length: DRAWS }, (_, draw) => {
    const random = randomStream(seed, 'bootstrap', draw);
    return bradleyTerry(resampledMatrix(shares, players, random), players, fitted, DRAW_TOLERANCE);
  });
  const cut = (1 - LEVEL) / 2;
  return Array.from(fitted, (strength, player) => {
    const drawn = draws.map((strengths) => strengths[player]).sort((a, b) => a - b);
    return {
      rating: toRating(strength),
      low: toRating(Math.min(strength, quantile(drawn, cut))),
      high: toRating(Math.max(strength, quantile(drawn, 1 - cut))),
    };
  });
}

function toRating(strength: number): number {
  return MEAN_RATING + POINTS * strength;
}

/** What one seed contributes to the scores of a pair. */
interface SeedShare {
  readonly first: number;
  readonly second: number;
  won: number;
  games: number;
}

/** By seed, in the order of their numbers, its share in each pair. */
function sharesBySeed(matches: readonly Match[]): readonly (readonly SeedShare[])[] {
  const bySeed = new Map<number, SeedShare[]>();
  for (const { first, second, seeds, scores } of matches) {
    const ofMatch = new Map<number, SeedShare>();
    for (let i = 0; i < scores.length; i++) {
      let share = ofMatch.get(seeds[i]);
      if (share === undefined) {
        share = { first, second, won: 0, games: 0 };
        ofMatch.set(seeds[i], share);
      }
      share.won += scores[i];
      share.games++;
    }
    for (const [seed, share] of ofMatch) bySeed.set(seed, [...(bySeed.get(seed) ?? []), share]);
  }
  return [...bySeed].sort(([a], [b]) => a - b).map(([, shares]) => shares);
}

/** The scores of as many seeds as there are, drawn with replacement. */
function resampledMatrix(
  shares: readonly (readonly SeedShare[])[],
  players: number,
  random: Random,
): ScoreMatrix {
  const times = new Uint32Array(shares.length);
  for (let i = 0; i < shares.length; i++) times[random.below(shares.length)]++;
  const matrix = new Float64Array(players * players);
  times.forEach((count, seed) => {
    if (count === 0) return;
    for (const { first, second, won, games } of shares[seed]) {
      matrix[first * players + second] += count * won;
      matrix[second * players + first] += count * (games - won);
    }
  });
  return matrix;
}

/** Quantile of sorted values, interpolated. */
function quantile(sorted: readonly number[], share: number): number {
  const at = share * (sorted.length - 1);
  const below = Math.floor(at);
  const above = Math.min(sorted.length - 1, below + 1);
  return sorted[below] + (at - below) * (sorted[above] - sorted[below]);
}
