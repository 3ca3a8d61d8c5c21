import { render } from 'preact';
import './style/tokens.css';
import './style/base.css';
import './style/shell.css';
import './style/parts.css';
import { App } from './app/app.tsx';
import { followLinks } from './app/location.ts';

followLinks();
render(<App />, document.getElementById('page')!);
