/** An element of a tensor for messages: `logits[3]`; `score` where each row has a single value. */
export function elementName(tensor: string, size: number, index: number): string {
  return size === 1 ? tensor : `${tensor}[${index}]`;
}
