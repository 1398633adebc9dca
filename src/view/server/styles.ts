/** Style sheet of the live page, on top of the report's. */
export const VIEW_STYLES = `
body > #app > header.bar { max-width: none; display: flex; flex-wrap: wrap; gap: .25rem 1rem; align-items: baseline;
  padding: .5rem 1rem; border-bottom: 1px solid var(--line); }
header.bar h1 { font-size: 1.1rem; margin: 0; } header.bar h1 a { color: inherit; text-decoration: none; }
header.bar p { margin: 0; }
.live { margin-left: auto !important; color: var(--good); } .live.off { color: var(--bad); }
.live::before { content: '● '; }
.loading, .placeholder { padding: 1rem; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip { position: absolute; left: -9999px; } .skip:focus { left: .5rem; top: .5rem; background: var(--paper); padding: .5rem; z-index: 2; }
.layout { display: grid; grid-template-columns: 24rem minmax(0, 1fr); align-items: start; padding-bottom: 4rem; }
.side { border-right: 1px solid var(--line); padding: 0 1rem 1rem; position: sticky; top: 0; height: 100vh; overflow-y: auto; }
main.content { max-width: 72rem; margin: 0; padding: 0 1.5rem 1rem; outline: none; }
.layout h2 { border: 0; margin: 1.25rem 0 .5rem; padding: 0; }
.back { display: none; }
.cards { list-style: none; margin: 0; padding: 0; }
.card { display: flex; flex-direction: column; flex: 1; min-width: 0; padding: .5rem .6rem; margin: .25rem 0; color: inherit;
  text-decoration: none; border: 1px solid var(--line); border-radius: 8px; overflow-wrap: anywhere; }
.card:hover { border-color: var(--accent); } .card[aria-current] { border-color: var(--accent); background: var(--sunk); }
.card .name { display: flex; flex-wrap: wrap; gap: .25rem .5rem; align-items: center; }
.card .soft { font-size: .85rem; }
details.campaigns { margin: 0; } .campaigns summary { color: inherit; } .campaigns summary h2 { display: inline-block; }
td a[aria-current] { font-weight: bold; }
.fault-item { display: flex; gap: .5rem; align-items: center; }
input[type=checkbox] { width: 1.25rem; height: 1.25rem; flex: none; accent-color: var(--accent); }
.badge.running { color: var(--good); }
.warning { color: var(--bad); }
.filters { display: grid; grid-template-columns: 1fr 1fr; gap: .5rem; } .filters .wide { grid-column: 1 / -1; }
label { display: flex; flex-direction: column; font-size: .85rem; gap: .15rem; }
input[type=search], select, textarea { font: inherit; font-size: 1rem; color: var(--ink); background: var(--paper);
  border: 1px solid var(--soft); border-radius: 6px; padding: .35rem .5rem; width: 100%; min-width: 0; }
button:disabled { opacity: .55; cursor: default; }
.jobs p { display: flex; flex-wrap: wrap; gap: .5rem; align-items: baseline; margin: .25rem 0; }
.job { border-left: 3px solid var(--line); padding-left: .75rem; margin: .5rem 0; } .job pre { max-height: 14rem; overflow: auto; }
.decision { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: flex-end; margin: .5rem 0; }
.decision .note { flex: 1 1 16rem; } .decision label:not(.note) { flex: 0 1 20rem; }
.decision span { flex-basis: 100%; font-size: .85rem; overflow-wrap: anywhere; }
button[data-copy][hidden] { display: inline-block !important; }
.explorer .tools { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; margin: .5rem 0; }
.explorer input[type=search] { flex: 1 1 10rem; width: auto; max-width: 20rem; }
.explorer .zoom { margin-left: auto; display: flex; gap: .25rem; }
.explorer .hint { font-size: .85rem; margin: .25rem 0; }
.frame { position: relative; overflow: hidden; border: 1px solid var(--line); border-radius: 8px; touch-action: none; cursor: grab; }
.drawing { position: absolute; left: 0; top: 0; }
.box.match { fill: var(--mark); stroke-width: 2; }
.tray { position: fixed; inset: auto 0 0 0; display: flex; gap: 1rem; align-items: center; padding: .5rem 1rem; background: var(--sunk);
  border-top: 1px solid var(--line); z-index: 1; }
a.button { padding: .25rem .75rem; border: 1px solid var(--accent); border-radius: 6px; text-decoration: none; background: var(--paper); }
.compared { table-layout: fixed; } .compared thead th:first-child { width: 8rem; }
.compared figure img { width: 96px; } .compared .pictures { gap: .5rem; }
.compared .differs > th { box-shadow: inset 3px 0 var(--accent); padding-left: .6rem; }
.compared .remove { font-weight: normal; font-size: .85rem; }
.compared thead th { overflow-wrap: anywhere; }
@media (max-width: 60rem) {
  .layout { display: block; } .side { border: 0; position: static; height: auto; overflow: visible; }
  main.content { padding: 0 1rem 1rem; }
  .at-content .side { display: none; } .at-list main.content { display: none; } .back { display: block; }
}
`;
