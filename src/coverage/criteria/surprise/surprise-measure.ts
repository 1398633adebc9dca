/** How surprising an activation trace is to a model that knows the reference inputs. */
export interface SurpriseMeasure {
  /**
   * @param traces `[rows, neurons]`
   * @param predictedClass of the row, or `NO_CLASS`
   * @returns NaN where the reference inputs do not tell
   */
  of(traces: Float32Array, row: number, predictedClass: number): number;
}
