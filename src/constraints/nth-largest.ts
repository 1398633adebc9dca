/** The `n`th largest number, n from 1, by Hoare's quickselect; reorders `numbers`. */
export function nthLargest(numbers: Float64Array, n: number): number {
  let from = 0;
  let to = numbers.length - 1;
  const target = n - 1;
  while (from < to) {
    const pivot = numbers[(from + to) >> 1];
    let i = from;
    let j = to;
    while (i <= j) {
      while (numbers[i] > pivot) i++;
      while (numbers[j] < pivot) j--;
      if (i <= j) {
        [numbers[i], numbers[j]] = [numbers[j], numbers[i]];
        i++;
        j--;
      }
    }
    if (target <= j) to = j;
    else if (target >= i) from = i;
    else break;
  }
  return numbers[target];
}
