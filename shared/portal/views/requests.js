// All requests, and what waits for an approver, with what he or she needs to know.

import { html, useState } from '../vendor/preact-htm.js';
import * as api from '../api.js';
import { hoursOf, hoursText, nameOf, portName } from '../format.js';
import { useAnswer, usePages } from '../hooks.js';
import { Empty, Loading, Problem, Time } from '../ui.js';
import { Decide } from './decide.js';
import { StateBadge } from './grant.js';
import { State } from './machines.js';

const REFRESH = 5_000;
const CHOICES = [
  ['', 'All'],
  ['pending,scheduled,opening,active,closing', 'Not over'],
  ['pending', 'Waiting for approval'],
  ['active', 'Open'],
  ['expired,revoked,denied,cancelled,lapsed,failed', 'Over'],
];

export function Requests({ person, search }) {
  const [states, setStates] = useState(search.get('state') || '');
  const found = usePages((pageToken) => api.grants({ state: states, pageSize: 50, pageToken }), [states], REFRESH);
  const waiting = useAnswer(() => (person.roles.has('Approver') ? api.grants({ state: 'pending,active', pageSize: 200 }) : { value: [] }), [person], REFRESH);
  const rows = found.value?.value || [];
  const inbox = (waiting.value?.value || []).filter((grant) => (grant.state === 'pending' || grant.extension) && grant.requestor.id !== person.id);
  return html`
    <h1>Requests</h1>
    ${person.roles.has('Approver') && html`<${Inbox} grants=${inbox} onDone=${() => { waiting.again(); found.again(); }} />`}
    <div class="tools"><label class="inline">Show <select value=${states} onChange=${(event) => setStates(event.target.value)}>${CHOICES.map(([value, title]) => html`<option value=${value}>${title}</option>`)}</select></label></div>
    <${Problem} error=${found.error} again=${found.again} />
    ${!found.value && found.loading && html`<${Loading} what="Looking for requests" />`}
    ${found.value && !rows.length && html`<${Empty}>There is no request here. <a href="#/configured">Ask for access</a> at a machine that is configured.<//>`}
    ${rows.length > 0 && html`
      <div class="scroll"><table>
        <thead><tr><th scope="col">State</th><th scope="col">Machine</th><th scope="col">Who</th><th scope="col">Ports</th><th scope="col">Asked</th><th scope="col">Until</th></tr></thead>
        <tbody>${rows.map((grant) => html`
          <tr key=${grant.id}>
            <td><a href=${`#/grants/${grant.id}`}><${StateBadge} state=${grant.state} /></a></td>
            <td><a href=${`#/machines${grant.machine}`}><bdi>${nameOf(grant.machine)}</bdi></a></td>
            <td><bdi>${grant.requestor.name}</bdi></td>
            <td>${grant.ports.map((port) => port.number).join(', ')}</td>
            <td><${Time} at=${grant.requestedAt} /></td>
            <td><${Lasting} stay=${grant} bare /></td>
          </tr>`)}</tbody>
      </table></div>
      ${found.more && html`<p><button type="button" disabled=${found.loading} onClick=${found.more}>Show more</button></p>`}`}`;
}

/** Until when; before the clock starts, for how long. */
function Lasting({ stay, bare }) {
  if (!stay.endTimeUtc && stay.duration) return `${bare ? '' : 'for '}${hoursText(hoursOf(stay.duration))}`;
  return html`${bare ? '' : 'until '}<${Time} at=${stay.endTimeUtc} />`;
}

function Inbox({ grants, onDone }) {
  return html`
    <section aria-label="Waiting for you">
      <h2>Waiting for you <span class="count">${grants.length}</span></h2>
      ${!grants.length && html`<p class="quiet">Nothing waits for an approver.</p>`}
      ${grants.map((grant) => html`<${Waiting} key=${grant.id} grant=${grant} onDone=${onDone} />`)}
    </section>`;
}

function Waiting({ grant, onDone }) {
  const machine = useAnswer(() => api.machine(grant.machine), [grant.machine]);
  const attempts = machine.value?.attemptsLast24Hours;
  return html`
    <article class="card">
      <h3><bdi>${grant.requestor.name}</bdi> ${grant.extension ? 'wants to stay longer on' : 'asks for'} <a href=${`#/machines${grant.machine}`}><bdi>${nameOf(grant.machine)}</bdi></a></h3>
      <p>${grant.ports.map((port) => `${portName(port.number)} from ${port.sources.join(', ')}`).join('; ')}, <${Lasting} stay=${grant.extension || grant} /></p>
      <p class="why"><bdi>${grant.extension?.justification || grant.justification || 'No justification was given.'}</bdi> ${grant.ticket && html`(ticket ${grant.ticket})`}</p>
      ${machine.value && html`<${State} row=${machine.value} stays=${machine.value.grants} />`}
      ${attempts != null && html`<p class="quiet">${attempts.toLocaleString()} attempts on this machine in the last 24 hours.</p>`}
      <${Decide} grant=${grant} onDone=${onDone} />
    </article>`;
}
