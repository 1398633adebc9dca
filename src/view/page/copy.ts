/** How long a button says that its text was copied, in milliseconds. */
const SHOWN_MS = 2_000;

/** Has the buttons of the report's components copy the text of the element that they name. */
export function copyOnClick(): void {
  document.addEventListener('click', async ({ target }) => {
    const button = target instanceof Element ? target.closest<HTMLButtonElement>('button[data-copy]') : null;
    if (button === null) return;
    const source = document.getElementById(button.dataset.copy ?? '');
    await navigator.clipboard.writeText(source?.textContent ?? '');
    const { textContent } = button;
    button.textContent = 'copied';
    setTimeout(() => {
      button.textContent = textContent;
    }, SHOWN_MS);
  });
}
