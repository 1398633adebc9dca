/** Style sheet of the page: light and dark by the system's preference, responsive, and for print. */
export const STYLES = `
:root { color-scheme: light dark;
  --paper: #ffffff; --sunk: #f4f5f7; --line: #d5d9e0; --ink: #1b1f27; --soft: #545d6c;
  --accent: #0b57b0; --bad: #b3261e; --bad-sunk: #fbe9e7; --good: #1b6e3c; --good-sunk: #dff3e5; --mark: #ffe082; }
@media (prefers-color-scheme: dark) { :root {
  --paper: #14171c; --sunk: #1d2128; --line: #363d49; --ink: #e7eaf0; --soft: #a9b1bf;
  --accent: #8ab8f5; --bad: #ff9a91; --bad-sunk: #3a2120; --good: #7fd6a0; --good-sunk: #1d3527; --mark: #6b5208; } }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
header, main, footer { max-width: 60rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: .5rem 0; }
h2 { font-size: 1.3rem; margin: 2.5rem 0 .75rem; padding-top: .75rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.1rem; margin: 0; overflow-wrap: anywhere; }
section > h3 { margin: 2rem 0 .5rem; }
h4 { font-size: 1rem; margin: 1.25rem 0 .5rem; }
a { color: var(--accent); }
p { margin: .5rem 0; overflow-wrap: anywhere; }
code, pre, kbd { font: .875em/1.5 ui-monospace, monospace; }
.soft { color: var(--soft); }
.fault { border: 1px solid var(--line); border-radius: 8px; padding: 1rem; margin: 1rem 0; }
.head { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; }
.badge { font-size: .8rem; padding: .1rem .55rem; border-radius: 999px; border: 1px solid currentColor; white-space: nowrap; }
.fresh { border-color: var(--bad); } .new { color: var(--bad); } .fixed { color: var(--good); } .known, .ignored, .flaky { color: var(--soft); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; padding: .3rem .75rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
td.word { overflow-wrap: anywhere; min-width: 8rem; }
@media (max-width: 40rem) {
  table.stacked thead { position: absolute; clip-path: inset(50%); }
  table.stacked tr { display: block; padding: .5rem 0; border-bottom: 1px solid var(--line); }
  table.stacked td { display: block; padding: .1rem 0; border: 0; text-align: left; }
  table.stacked td:empty { display: none; }
  table.stacked td[data-label]::before { content: attr(data-label) ' '; color: var(--soft); }
}
.pictures { display: flex; flex-wrap: wrap; gap: 1rem; }
figure { margin: 0; }
figure img { display: block; width: 160px; height: auto; max-width: 100%; background: var(--sunk); border: 1px solid var(--line); image-rendering: pixelated; }
.strips img { width: 256px; }
.steps img { width: 64px; }
figcaption { font-size: .85rem; color: var(--soft); max-width: 10.5rem; overflow-wrap: anywhere; }
.steps figcaption { max-width: 7rem; }
pre { background: var(--sunk); padding: .75rem; border-radius: 6px; margin: .25rem 0; white-space: pre-wrap; overflow-wrap: anywhere; }
mark { background: var(--mark); color: inherit; padding: 0 .15em; }
ins { background: var(--good-sunk); color: inherit; text-decoration: underline 2px var(--good); }
del { background: var(--bad-sunk); color: inherit; text-decoration: line-through 1px var(--bad); }
pre s { color: var(--soft); }
.prediction { display: block; color: var(--ink); }
.filter { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center; margin: .75rem 0; }
select { font: inherit; color: var(--ink); background: var(--sunk); border: 1px solid var(--line); border-radius: 6px; padding: .2rem .4rem; max-width: 100%; }
.replay { display: flex; gap: .5rem; align-items: stretch; }
.replay pre { flex: 1; }
button { font: inherit; color: var(--ink); background: var(--sunk); border: 1px solid var(--line); border-radius: 6px; padding: .25rem .75rem; cursor: pointer; margin: .25rem 0; }
button:hover { border-color: var(--accent); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
details { margin: .75rem 0; } summary { cursor: pointer; color: var(--accent); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1rem; }
.charts figure { max-width: 30rem; }
svg { display: block; max-width: 100%; height: auto; font: 12px system-ui, sans-serif; }
svg.graph { max-width: none; } svg.bars { width: 100%; max-width: 520px; }
svg text { fill: var(--ink); } svg .soft { fill: var(--soft); }
.axis { stroke: var(--line); fill: none; } .curve { stroke: var(--accent); fill: none; stroke-width: 2; }
.dot { fill: var(--accent); }
.box { fill: var(--sunk); stroke: var(--line); } .box.path { stroke: var(--accent); }
.box.origin, .box.finding { fill: var(--bad-sunk); stroke: var(--bad); stroke-width: 2; } .box.seed { stroke: var(--good); }
.arrow { fill: none; stroke: var(--soft); } .arrow.path { stroke: var(--accent); stroke-width: 2; }
.head-path { fill: var(--accent); } .head-around { fill: var(--soft); }
.bar { fill: var(--accent); } .bar.low { fill: var(--bad); }
@media print {
  :root { --paper: #fff; --sunk: #f4f5f7; --line: #bbb; --ink: #000; --soft: #444; --accent: #0b57b0; --bad: #b3261e; --good: #1b6e3c; --mark: #ffe082; --bad-sunk: #fbe9e7; --good-sunk: #dff3e5; }
  button, .filter { display: none; } .fault { break-inside: avoid-page; } .scroll { overflow: visible; }
  a { color: inherit; }
}
`;
