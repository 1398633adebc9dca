import { escapeControl } from '../../core/escape-control.ts';
import { formatCount, formatNumber, plural } from '../../core/format-number.ts';
import type { FindingRow } from '../protocol.ts';
import type { Choice } from './choice.ts';
import { formatRoute } from './route.ts';

/** The findings of a fault, each of which can be shown and compared. */
export function FindingTable({
  campaign,
  signature,
  findings,
  shown,
  choice,
}: {
  readonly campaign: string;
  readonly signature: string;
  readonly findings: readonly FindingRow[];
  readonly shown: string;
  readonly choice: Choice;
}) {
  return (
    <>
      <h3>Findings of this fault</h3>
      <section class="scroll" tabindex={0} aria-label="findings of this fault">
        <table>
          <thead>
            <tr>
              <th scope="col">compare</th>
              <th scope="col">finding</th>
              <th scope="col">difference from the seed</th>
              <th scope="col">reproduced</th>
              <th scope="col" class="number">
                mutant
              </th>
            </tr>
          </thead>
          <tbody>
            {findings.map((row) => {
              const { id, status, reproduced, isMinimized, execs } = row;
              const selection = { campaign, signature, finding: id };
              return (
                <tr key={id}>
                  <td>
                    <input
                      type="checkbox"
                      aria-label={`compare finding ${escapeControl(id)}`}
                      checked={choice.isSelected(selection)}
                      onChange={() => choice.toggle(selection)}
                    />
                  </td>
                  <td class="word">
                    <a
                      href={formatRoute({ kind: 'fault', ...selection })}
                      aria-current={id === shown ? 'page' : undefined}
                    >
                      <code>{escapeControl(id)}</code>
                    </a>
                    {isMinimized ? ' minimized' : ''}
                  </td>
                  <td>{differenceText(row)}</td>
                  <td>
                    {escapeControl(reproduced)}
                    {status === 'confirmed' ? '' : `, ${escapeControl(status)}`}
                  </td>
                  <td class="number">{formatCount(execs)}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </section>
    </>
  );
}

/** How far a finding is from its seed. */
export function differenceText({ l0, linf, edits }: Pick<FindingRow, 'l0' | 'linf' | 'edits'>): string {
  if (edits !== null) return plural(edits, 'edit');
  if (l0 === 0) return 'none: it is a seed';
  return `${plural(l0, 'value')}, by at most ${formatNumber(linf, 3)}`;
}
