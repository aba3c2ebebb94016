// The small parts that every view is made of.

import { html, useEffect, useLayoutEffect, useRef, useState } from './vendor/preact-htm.js';
import { localTime, utcTime } from './format.js';

/** A time of this person's clock, with UTC for whoever points at it. */
export const Time = ({ at }) => (at ? html`<time datetime=${at} title=${utcTime(at)}>${localTime(at)}</time>` : '–');

/** What went wrong, with all that the API says about it; what belongs to a field stands there as well. */
export function Problem({ error, again }) {
  if (!error) return null;
  return html`
    <div class="problem" role="alert">
      <p><strong>${error.message}</strong></p>
      ${error.issues?.length > 0 && html`<ul>${error.issues.map((one) => html`<li>${one.path && html`<code>${one.path}</code>: `}${one.message}</li>`)}</ul>`}
      ${error.retryAfter && html`<p class="quiet">Trying again makes sense in ${error.retryAfter} seconds.</p>`}
      ${error.status === 401 && html`<p><a href="/">Sign in again</a></p>`}
      ${again && error.status !== 401 && html`<p><button type="button" class="plain" onClick=${again}>Try again</button></p>`}
    </div>`;
}

/** The issues of an error that belong to a field. */
export const issuesOf = (error, path) => (error?.issues || []).filter((one) => (one.path || '').startsWith(path)).map((one) => one.message);

/** A labelled field, with a hint and what is wrong with it; its child makes the control from what ties it to them. */
export function Field({ label, hint, wrong = [], children, id }) {
  const describedBy = `${id}-about`;
  const ties = { id, 'aria-describedby': describedBy, 'aria-invalid': wrong.length ? 'true' : undefined };
  return html`
    <div class=${`field ${wrong.length ? 'wrong' : ''}`}>
      <label for=${id}>${label}</label>
      ${children(ties)}
      <div id=${describedBy} class="hint">${wrong.length ? wrong.map((text) => html`<p class="danger" role="alert">${text}</p>`) : hint}</div>
    </div>`;
}

/** A dialog over the page: Escape and its cross close it, and the focus goes back to where it was. */
export function Dialog({ title, onClose, children, wide }) {
  const element = useRef();
  useLayoutEffect(() => {
    const before = document.activeElement;
    const dialog = element.current;
    dialog.showModal();
    return () => {
      dialog.close(); // While it is open nothing else can have the focus.
      before?.focus?.();
    };
  }, []);
  return html`
    <dialog ref=${element} class=${wide ? 'wide' : ''} aria-labelledby="dialog-title" onCancel=${(event) => { event.preventDefault(); onClose(); }}>
      <header>
        <h2 id="dialog-title">${title}</h2>
        <button type="button" class="icon" aria-label="Close" onClick=${onClose}>✕</button>
      </header>
      ${children}
    </dialog>`;
}

/** Puts a menu below its button, or above where the window ends; tables that scroll would cut it off elsewhere. */
function settle(sheet, button) {
  const room = innerHeight - button.bottom;
  const top = room > sheet.offsetHeight ? button.bottom : Math.max(0, button.top - sheet.offsetHeight);
  const left = Math.max(0, button.right - sheet.offsetWidth);
  Object.assign(sheet.style, { top: `${top}px`, left: `${left}px` });
}

/** A button with a menu under it, for mouse and keyboard. */
export function Menu({ label, children, items }) {
  const [open, setOpen] = useState(false);
  const place = useRef();
  useLayoutEffect(() => {
    if (!open) return undefined;
    const [button, sheet] = place.current.children;
    settle(sheet, button.getBoundingClientRect());
    sheet.querySelector('[role=menuitem]').focus();
    const close = () => setOpen(false);
    const outside = (event) => { if (!place.current.contains(event.target)) close(); };
    const signs = { pointerdown: outside, focusin: outside, scroll: close, resize: close };
    Object.entries(signs).forEach(([name, react]) => addEventListener(name, react, true));
    return () => Object.entries(signs).forEach(([name, react]) => removeEventListener(name, react, true));
  }, [open]);
  const move = (event) => {
    const all = [...place.current.querySelectorAll('[role=menuitem]')];
    const at = all.indexOf(document.activeElement);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (next !== undefined) {
      event.preventDefault();
      all.at(next % all.length).focus();
    } else if (event.key === 'Escape') {
      event.stopPropagation();
      setOpen(false);
      place.current.querySelector('button').focus();
    }
  };
  const choose = (item) => { setOpen(false); place.current.querySelector('button').focus(); item.act(); };
  return html`
    <span class="menu" ref=${place} onKeyDown=${open ? move : undefined}>
      <button type="button" class="icon" aria-label=${label} aria-haspopup="menu" aria-expanded=${open} onClick=${() => setOpen(!open)}>${children || '⋯'}</button>
      ${open && html`<span class="sheet" role="menu">${items.map((item) => html`
        <button type="button" role="menuitem" tabindex="-1" class=${item.danger ? 'danger' : ''} onClick=${() => choose(item)}>${item.label}</button>`)}</span>`}
    </span>`;
}

/** Copies a text. */
export function Copy({ text, label }) {
  const [said, say] = useState('');
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      say('Copied');
    } catch {
      say('The browser does not allow it: select the text and copy it.');
    }
    setTimeout(() => say(''), 4000);
  };
  return html`<button type="button" class="plain" onClick=${copy} aria-label=${label}>Copy</button> <span role="status" class="quiet">${said}</span>`;
}

/** A word with a colour that says the same. */
export const Badge = ({ kind, children, title }) => html`<span class=${`badge ${kind || ''}`} title=${title}>${children}</span>`;

/** Nothing to show, and what to do about it. */
export const Empty = ({ children }) => html`<div class="empty">${children}</div>`;

/** Something is being fetched. */
export const Loading = ({ what }) => html`<p class="quiet" role="status">${what || 'Loading'} …</p>`;

/** What changes is read out by screen readers. */
export const Live = ({ children }) => html`<div aria-live="polite">${children}</div>`;

const STRETCH = 25; // rows
const USUAL_HEIGHT = 50; // pixels of a row that was not seen yet
const NEAR = '2000px';

/** The body of a long table: only the stretches of rows near to what is seen are there, the others keep their place. */
export function Rows({ rows, columns, children }) {
  const stretches = Array.from({ length: Math.ceil(rows.length / STRETCH) }, (_, at) => rows.slice(at * STRETCH, (at + 1) * STRETCH));
  return stretches.map((some, at) => html`<${Stretch} key=${at} rows=${some} columns=${columns} first=${at === 0}>${children}<//>`);
}

function Stretch({ rows, columns, first, children: draw }) {
  const place = useRef();
  const height = useRef(0);
  const [near, setNear] = useState(first);
  useEffect(() => {
    const watch = new IntersectionObserver((changes) => {
      const seen = changes.at(-1); // Of several changes at once the last one counts.
      if (!seen.isIntersecting) height.current = place.current.offsetHeight || height.current;
      setNear(seen.isIntersecting);
    }, { rootMargin: NEAR });
    watch.observe(place.current);
    return () => watch.disconnect();
  }, []);
  const space = height.current || rows.length * USUAL_HEIGHT;
  return html`<tbody ref=${place}>${near ? rows.map(draw) : html`<tr aria-hidden="true"><td colspan=${columns} style=${{ height: `${space}px` }}></td></tr>`}</tbody>`;
}
