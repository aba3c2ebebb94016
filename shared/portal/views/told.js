// Who is told what happens on a machine: the receivers that its policy names.

import { html } from '../vendor/preact-htm.js';
import { issuesOf } from '../ui.js';

const MOST = 10;
const FORMATS = [['cloudEvents', 'CloudEvents'], ['teams', 'Teams card']];
const EVENTS = {
  'io.postern.grant.approvalNeeded': 'an approval is needed',
  'io.postern.grant.decided': 'somebody decided',
  'io.postern.grant.opened': 'an access opened',
  'io.postern.grant.endingSoon': 'an access ends soon',
  'io.postern.grant.ended': 'an access ended',
  'io.postern.grant.brokenGlass': 'the glass was broken',
  'io.postern.machine.exposed': 'a lock does not hold',
  'io.postern.machine.found': 'a repair found something',
};

/** The receivers; an address that was saved is a secret, so that only its host comes back, with a mark that keeps it. */
export function Told({ receivers, onChange, error }) {
  const set = (index, part) => onChange(receivers.map((one, at) => (at === index ? { ...one, ...part } : one)));
  return html`
    <fieldset><legend>Who is told</legend>
      <p class="quiet">Besides those who are always told. Only hosts that the settings of Postern allow can be told anything.</p>
      ${receivers.map((one, index) => html`<${Receiver} key=${index} ...${{ one, index, error }} onSet=${(part) => set(index, part)} onRemove=${() => onChange(receivers.filter((_, at) => at !== index))} />`)}
      <p><button type="button" disabled=${receivers.length >= MOST} onClick=${() => onChange([...receivers, { url: '', format: 'cloudEvents', events: [] }])}>Add a receiver</button></p>
    </fieldset>`;
}

function Receiver({ one, index, error, onSet, onRemove }) {
  const path = `notifications[${index}]`;
  const wrong = issuesOf(error, path);
  const events = new Set(one.events || []);
  const toggle = (name) => {
    const after = new Set(events);
    if (!after.delete(name)) after.add(name);
    onSet({ events: Object.keys(EVENTS).filter((known) => after.has(known)) });
  };
  return html`
    <div class="receiver" role="group" aria-label=${`Receiver ${index + 1}`}>
      <div class="row">
        <input class="wide" aria-label="Address" type="url" required title="An https address" aria-invalid=${wrong.length ? 'true' : undefined} value=${one.url} onInput=${(event) => onSet({ url: event.target.value.trim() })} />
        <select aria-label="Format" value=${one.format || 'cloudEvents'} onChange=${(event) => onSet({ format: event.target.value })}>${FORMATS.map(([key, title]) => html`<option value=${key}>${title}</option>`)}</select>
        <button type="button" class="icon" aria-label=${`Remove receiver ${index + 1}`} onClick=${onRemove}>✕</button>
      </div>
      ${one.url.includes('/#kept-') && html`<p class="hint">The rest of this address is kept and not shown. Write a new one to change it.</p>`}
      ${wrong.map((text) => html`<p class="danger" role="alert">${text}</p>`)}
      <details open=${events.size > 0}><summary>${events.size ? `Told of ${events.size} of ${Object.keys(EVENTS).length} kinds` : 'Told of everything'}</summary>
        ${Object.entries(EVENTS).map(([name, title]) => html`<label class="check"><input type="checkbox" checked=${events.has(name)} onChange=${() => toggle(name)} /> ${title}</label>`)}
      </details>
    </div>`;
}
