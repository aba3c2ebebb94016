// Computers outside Azure: where each stands, what to do next, and what they cost.

import { html, useState } from '../vendor/preact-htm.js';
import * as api from '../api.js';
import { usePages, useSettled } from '../hooks.js';
import { Badge, Copy, Dialog, Empty, Field, Loading, Problem, Time, issuesOf } from '../ui.js';
import { Costs } from './costs.js';

const REFRESH = 60_000;
const PAGE = 100;
const STATES = {
  ready: { title: 'ready', kind: 'open' },
  needsAgentUpdate: { title: 'needs an agent update', kind: 'warning' },
  disconnected: { title: 'disconnected', kind: 'danger' },
  expired: { title: 'expired', kind: 'danger' },
  reportsButNotOnboarded: { title: 'not onboarded', kind: 'warning' },
  onboardedButSilent: { title: 'silent', kind: 'warning' },
};
const AWAY = new Set(['expired', 'disconnected']);
const URGENCY = { danger: 'high', warning: 'medium', open: '' };
const MARKS = { fine: ['✓', 'fine'], missing: ['✗', 'missing'], unknown: ['?', 'not known'] };

export function Computers({ tab, person }) {
  const [text, setText] = useState('');
  const [state, setState] = useState('');
  const [adding, setAdding] = useState(false);
  const settled = useSettled(text);
  const wanted = { state, q: settled };
  const found = usePages((pageToken) => api.computers({ ...wanted, pageSize: PAGE, pageToken }), Object.values(wanted), REFRESH);
  const rows = found.value?.value || [];
  const all = Object.values(found.value?.counts || {}).reduce((sum, number) => sum + number, 0);
  return html`
    <h1>${tab.title} ${found.value && html`<span class="count">${all.toLocaleString()}</span>`}</h1>
    <p class="quiet">Servers that Azure Arc knows, and computers that only report to the workspace. Those with most to be done stand first.</p>
    <div class="tools">
      <input type="search" aria-label="Search" placeholder="Name, group, location, address or tag=value" value=${text} onInput=${(event) => setText(event.target.value)} />
      <label class="inline">Show <select value=${state} onChange=${(event) => setState(event.target.value)}>
        <option value="">All</option>
        ${Object.entries(STATES).map(([key, { title }]) => html`<option value=${key}>${title}${found.value ? ` (${found.value.counts[key]})` : ''}</option>`)}
      </select></label>
      <a class="button" href=${api.computerSheet(wanted)} download>Export</a>
      ${person.roles.has('Administrator') && html`<button type="button" class="primary" onClick=${() => setAdding(true)}>Add a computer</button>`}
    </div>
    ${(found.value?.gaps || []).map((gap) => html`<p class="notice" key=${gap.code + gap.subject}>${gap.message}</p>`)}
    <${Problem} error=${found.error} again=${found.again} />
    ${!found.value && found.loading && html`<${Loading} what="Looking for computers" />`}
    ${found.value && !rows.length && html`<${Empty}>${settled || state ? 'No computer here matches what you look for.' : 'No computer outside Azure is known. An administrator adds one with the agent of Azure Arc.'}<//>`}
    ${rows.length > 0 && html`
      <div class="scroll"><table>
        <thead><tr><th scope="col">Computer</th><th scope="col">State, and what to do next</th>
          <th scope="col" class="less">Last heartbeat</th><th scope="col" class="less">Resource group</th><th scope="col" class="less">Location</th></tr></thead>
        <tbody>${rows.map((row) => html`<${Row} key=${row.id || row.name + row.addresses} row=${row} />`)}</tbody>
      </table></div>
      <p class="quiet">As of <${Time} at=${found.value.asOf} />; it refreshes by itself.</p>`}
    ${found.more && html`<p><button type="button" disabled=${found.loading} onClick=${found.more}>Show more</button></p>`}
    ${['Administrator', 'Auditor'].some((role) => person.roles.has(role)) && html`<${Costs} />`}
    ${adding && html`<${Adding} like=${rows.find((row) => row.id)} onClose=${() => setAdding(false)} />`}`;
}

function Row({ row }) {
  const { title, kind } = STATES[row.state];
  return html`
    <tr class=${URGENCY[kind]}>
      <th scope="row">${row.id ? html`<a href=${`#/machines${row.id}`}><bdi>${row.name}</bdi></a>` : html`<bdi>${row.name}</bdi>`} <span class="quiet">${row.os || ''}</span></th>
      <td>
        <p class="reason"><${Badge} kind=${kind}>${title}<//> ${AWAY.has(row.state) && html`<span class="quiet">since <${Time} at=${row.statusSince} /></span> `}${row.next.text}</p>
        ${row.next.commands.length > 0 && html`<details><summary aria-label=${`Commands for ${row.name}`}>Commands</summary><${Commands} step=${row.next} label=${`Copy the commands for ${row.name}`} /></details>`}
        <details><summary aria-label=${`Checks of ${row.name}`}>Checks</summary><${Checks} checks=${row.checks} /></details>
      </td>
      <td class="less"><${Time} at=${row.lastHeartbeat} /></td>
      <td class="less"><bdi>${row.resourceGroup || '–'}</bdi></td>
      <td class="less">${row.location || '–'}</td>
    </tr>`;
}

const Checks = ({ checks }) => html`
  <ul class="plain">${checks.map(({ code, result, message }) => html`
    <li key=${code}><span aria-hidden="true">${MARKS[result][0]}</span> <span class="unseen">${MARKS[result][1]}:</span> ${message}</li>`)}</ul>`;

function Commands({ step, label }) {
  return html`
    <p class="quiet">${step.shell === 'powershell' ? 'In PowerShell, as an administrator:' : 'In a shell:'} <${Copy} text=${step.commands.join('\n')} label=${label} /></p>
    ${step.commands.map((line) => html`<p key=${line}><code>${line}</code></p>`)}`;
}

/** The commands for a computer that is not there yet; whoever types them at it signs in. */
function Adding({ like, onClose }) {
  const [wish, setWish] = useState({ os: 'Linux', subscription: like?.subscription || '', resourceGroup: like?.resourceGroup || '', location: like?.location || '' });
  const [told, setTold] = useState({});
  const ask = async (event) => {
    event.preventDefault();
    try { setTold({ step: await api.onboarding(wish) }); } catch (error) { setTold({ error }); }
  };
  const field = (name, label, hint) => html`
    <${Field} id=${`add-${name}`} label=${label} hint=${hint} wrong=${issuesOf(told.error, name)}>
      ${(ties) => html`<input ...${ties} value=${wish[name]} onInput=${(event) => setWish({ ...wish, [name]: event.target.value })} />`}<//>`;
  return html`
    <${Dialog} title="Add a computer" onClose=${onClose} wide>
      <form onSubmit=${ask}>
        <div class="body">
          <label class="inline">System <select value=${wish.os} onChange=${(event) => setWish({ ...wish, os: event.target.value })}><option value="Linux">Linux</option><option value="Windows">Windows</option></select></label>
          ${field('subscription', 'Subscription', 'The id of a subscription that Postern guards.')}
          ${field('resourceGroup', 'Resource group')}
          ${field('location', 'Region', 'Where Azure keeps what it knows of the computer, such as westeurope.')}
          <${Problem} error=${told.error} />
          ${told.step && html`<h3>At the computer</h3><p>${told.step.text}</p><${Commands} step=${told.step} label="Copy the commands" />`}
        </div>
        <footer><button type="button" onClick=${onClose}>Close</button><button type="submit" class="primary">Show the commands</button></footer>
      </form>
    <//>`;
}
