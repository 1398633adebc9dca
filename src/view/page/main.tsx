import { render } from 'preact';
import { App } from './app.tsx';
import { copyOnClick } from './copy.ts';

copyOnClick();
const root = document.getElementById('app');
if (root !== null) {
  root.replaceChildren();
  render(<App />, root);
}
