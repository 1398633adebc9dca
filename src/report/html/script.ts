/** Script of the page: copies replay commands, filters and sorts faults, and expands all details for print. */
export const SCRIPT = `
const copied = (button) => {
  button.textContent = 'copied';
  setTimeout(() => { button.textContent = 'copy'; }, 2000);
};
for (const button of document.querySelectorAll('button[data-copy]')) {
  button.hidden = false;
  button.addEventListener('click', async () => {
    const source = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(source.textContent);
    } catch {
      const range = document.createRange();
      range.selectNodeContents(source);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      document.execCommand('copy');
    }
    copied(button);
  });
}
const filter = document.querySelector('search.filter');
if (filter !== null) {
  filter.hidden = false;
  const filters = [...filter.querySelectorAll('select[data-filter]')];
  const sort = filter.querySelector('select[data-sort]');
  const count = filter.querySelector('[data-filter-count]');
  const faults = [...document.querySelectorAll('[data-signature]')];
  faults.forEach((fault, i) => { fault.dataset.rank = i; });
  const rows = faults.filter((fault) => fault.localName === 'tr');
  const matches = (fault) => filters.every(({ value, dataset }) =>
    value === '' || (fault.dataset[dataset.filter] ?? fault.closest('[data-campaign]')?.dataset.campaign) === value);
  const compare = (a, b) => {
    const key = sort.value;
    const order = key === 'hits' ? b.dataset.hits - a.dataset.hits
      : key === '' ? 0 : (a.dataset[key] ?? '').localeCompare(b.dataset[key] ?? '');
    return order || a.dataset.rank - b.dataset.rank;
  };
  const update = () => {
    for (const fault of faults) fault.hidden = !matches(fault);
    for (const parent of new Set(faults.map(({ parentElement }) => parentElement))) {
      const siblings = faults.filter(({ parentElement }) => parentElement === parent);
      const end = document.createComment('');
      siblings.at(-1).after(end);
      end.before(...siblings.sort(compare));
      end.remove();
    }
    for (const campaign of document.querySelectorAll('main > section[data-campaign]')) {
      const cards = [...campaign.querySelectorAll('article[data-signature]')];
      campaign.hidden = cards.length > 0 && cards.every(({ hidden }) => hidden);
    }
    const visible = rows.filter(({ hidden }) => !hidden).length;
    count.textContent = visible === rows.length ? '' : visible + ' of ' + rows.length + ' faults';
  };
  filter.addEventListener('change', update);
  // A browser restores what was selected before it opened the page again.
  addEventListener('pageshow', update);
}
addEventListener('beforeprint', () => {
  for (const part of document.querySelectorAll('details')) part.open = true;
});
`;
