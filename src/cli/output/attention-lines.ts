import { formatNumber, plural } from '../../core/format-number.ts';
import type { AttentionReport } from '../../model-commands/layers/attention.ts';
import { table } from './table.ts';

type Block = AttentionReport['blocks'][number];

/** What `inspect --attention` prints. @param out folder that maps were written to */
export function attentionLines(report: AttentionReport, out: string | undefined): string[] {
  const { model, blocks, others, notVisible, seeds } = report;
  return [
    `${model.path}: ${plural(blocks.length, 'block')} of attention${seeds === 0 ? '; --seeds measures its heads' : ` over ${plural(seeds, 'seed')}`}`,
    ...blocks.flatMap((block) => ['', ...blockLines(block)]),
    ...(others.length + notVisible.length === 0 ? [] : ['']),
    ...notVisible.map(({ op, name }) => `not visible: ${op} ${name}, which hides its softmax`),
    ...others.map(({ name, why }) => `no attention: softmax ${name}: ${why}`),
    ...(out === undefined ? [] : ['', `maps: ${out}`]),
  ];
}

function blockLines({
  name,
  query,
  key,
  value,
  mask,
  branch,
  queries,
  keys,
  effect,
  unit,
  heads,
}: Block): string[] {
  const gamma = branch?.gamma;
  const parts = [
    `query ${query}`,
    `key ${key}`,
    `value ${value}`,
    ...(mask === undefined ? [] : [`mask ${mask}`]),
    ...(gamma === undefined ? [] : [`γ ${gamma.name} = ${formatNumber(gamma.value, 4)}`]),
  ];
  const size =
    queries === undefined ? '' : `: ${plural(queries, 'query', 'queries')}, ${plural(keys ?? 0, 'key')}`;
  return [
    `${name}${size}`,
    `  ${parts.join(', ')}`,
    ...(heads.length === 0
      ? []
      : [
          `  effect ${effect === null || effect === undefined ? 'not known: its result is added to no other tensor' : formatNumber(effect, 4)}`,
          ...table([
            [
              'head',
              '|sum − 1|',
              'entropy',
              'above 0.99',
              'masked',
              `distance in ${unit ?? 'places'}`,
              'flags',
            ],
            ...heads.map((head) => [
              `${head.head}`,
              numberOr(head.sumError, 3),
              numberOr(head.entropy, 3),
              head.sharp === null ? '' : percent(head.sharp),
              percent(head.masked),
              numberOr(head.distance, 3),
              head.flags.join(', '),
            ]),
          ]),
        ]),
  ];
}

function numberOr(value: number | null, digits: number): string {
  return value === null ? '' : formatNumber(value, digits);
}

function percent(share: number): string {
  return `${formatNumber(100 * share, 3)} %`;
}
