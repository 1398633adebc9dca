import { logSumExp } from '../objectives/output-difference.ts';

/** A loss over the logits of one input, with its gradient with respect to them. */
export type LogitLoss = (logits: Float64Array, row: number) => { loss: number; gradient: Float64Array };

/** The cross-entropy of one class. */
export function classLoss(target: number): LogitLoss {
  return (logits) => {
    const { total, shares: gradient } = softmaxOf(logits);
    gradient[target] -= 1;
    return { loss: total - logits[target], gradient };
  };
}

/** The cross-entropy of equal shares: least where the model prefers no class. */
export function evenLoss(): LogitLoss {
  return (logits) => {
    const { total, shares } = softmaxOf(logits);
    const mean = logits.reduce((sum, logit) => sum + logit, 0) / logits.length;
    return { loss: total - mean, gradient: shares.map((share) => share - 1 / logits.length) };
  };
}

/** Host classes of each label of a task, by label; every label has one at least, and no class has two labels. */
export type ClassMap = readonly (readonly number[])[];

/**
 * The cross-entropy of a task's labels, each of which has the softmax share of all its classes: zⱼ = log Σ exp(logit) over the classes
 * of label j. Classes of no label do not count.
 *
 * @param labels of the rows
 */
export function mappedLoss(map: ClassMap, labels: ArrayLike<number>): LogitLoss {
  return (logits, row) => {
    const scores = mappedScores(logits, map);
    const { total, shares } = softmaxOf(scores);
    const gradient = new Float64Array(logits.length);
    map.forEach((classes, label) => {
      const slope = shares[label] - (label === labels[row] ? 1 : 0);
      for (const k of classes) gradient[k] = slope * Math.exp(logits[k] - scores[label]);
    });
    return { loss: total - scores[labels[row]], gradient };
  };
}

/** The score of each label: the logarithm of the sum of exp(logit) over its classes. */
export function mappedScores(logits: ArrayLike<number>, map: ClassMap): Float64Array {
  return Float64Array.from(map, (classes) => {
    const values = Float64Array.from(classes, (k) => logits[k]);
    return logSumExp(values, 0, values.length, false);
  });
}

function softmaxOf(logits: Float64Array): { readonly total: number; readonly shares: Float64Array } {
  const total = logSumExp(logits, 0, logits.length, false);
  return { total, shares: logits.map((logit) => Math.exp(logit - total)) };
}
