// Looking back: pictures first, then the line of time, and what cannot be told.

import { html, useState } from '../vendor/preact-htm.js';
import * as api from '../api.js';
import { count, nameOf, portName } from '../format.js';
import { useAnswer, usePages, useSettled } from '../hooks.js';
import { Badge, Empty, Loading, Problem, Time } from '../ui.js';
import { Chart } from './chart.js';

const REFRESH = 60_000;
const SPANS = [[1, 'Last hour'], [24, 'Last 24 hours'], [24 * 7, 'Last 7 days'], [24 * 30, 'Last 30 days']];
const KINDS = [['', 'Everything'], ['attack', 'Attempts on attack'], ['signIn', 'Sign-ins'], ['grant,policy', 'Requests and policies'], ['ruleEdit', 'Rule changes by others'], ['finding,alert', 'Findings and alerts']];
const WORD = { attack: 'attempts', signIn: 'sign-in', grant: 'request', policy: 'policy', finding: 'finding', ruleEdit: 'rule change', alert: 'alert' };
const BAD = { signedIn: 'danger', reached: 'danger', granted: 'warning', elsewhere: '', denied: '' };

const OPENED = new Set(['active', 'closing', 'expired', 'revoked']);

const since = (hours) => new Date(Math.floor(Date.now() / 60_000) * 60_000 - hours * 3_600_000).toISOString();

export function Activity({ person, search }) {
  const machine = search.get('machine') || '';
  return html`
    <h1>Activity</h1>
    ${machine && html`<p>Only <a href=${`#/machines${machine}`}><bdi>${nameOf(machine)}</bdi></a> · <a href="#/activity">all machines</a></p>`}
    <${Timeline} machine=${machine} person=${person} />`;
}

/** The numbers and the line of time of one machine, or of all. */
export function Timeline({ machine, person }) {
  const [hours, setHours] = useState(24);
  const [kind, setKind] = useState('');
  const [text, setText] = useState('');
  const settled = useSettled(text);
  const wanted = { machine, from: since(hours), kind, q: settled };
  const found = usePages((pageToken) => api.activity({ ...wanted, pageSize: 50, pageToken }), [machine, hours, kind, settled], REFRESH);
  const audits = person.roles.has('Administrator') || person.roles.has('Auditor');
  const entries = found.value?.value || [];
  return html`
    <div class="tools">
      <label class="inline">Time <select value=${hours} onChange=${(event) => setHours(Number(event.target.value))}>${SPANS.map(([value, title]) => html`<option value=${value}>${title}</option>`)}</select></label>
      <label class="inline">Show <select value=${kind} onChange=${(event) => setKind(event.target.value)}>${KINDS.map(([value, title]) => html`<option value=${value}>${title}</option>`)}</select></label>
      <input type="search" aria-label="Search the activity" placeholder="Address, name, rule, text" value=${text} onInput=${(event) => setText(event.target.value)} />
      <a class="button" href=${api.sheet(wanted)} download>Export</a>
    </div>
    ${audits && html`<${Pictures} machine=${machine} hours=${hours} />`}
    <${Gaps} answer=${found.value} />
    <${Problem} error=${found.error} again=${found.again} />
    ${!found.value && found.loading && html`<${Loading} what="Looking back" />`}
    ${found.value && !entries.length && html`<${Empty}>Nothing happened in this time${settled || kind ? ' that matches' : ''}.<//>`}
    ${entries.length > 0 && html`
      <div class="scroll"><table class="activity">
        <thead><tr><th scope="col">When</th><th scope="col">What</th><th scope="col">From</th><th scope="col">Who</th></tr></thead>
        <tbody>${entries.map((entry) => html`<${Entry} key=${entry.id} entry=${entry} />`)}</tbody>
      </table></div>
      ${found.more && html`<p><button type="button" disabled=${found.loading} onClick=${found.more}>Show more</button></p>`}`}`;
}

function Entry({ entry }) {
  const bad = entry.attack ? BAD[entry.attack.became] : entry.kind === 'signIn' && !entry.grant ? 'danger' : { finding: 'warning', alert: 'danger' }[entry.kind];
  return html`
    <tr class=${bad || ''}>
      <td><${Time} at=${entry.at} /></td>
      <td><${Badge} kind=${bad || ''}>${WORD[entry.kind]}<//> <bdi>${entry.text}</bdi>
        ${entry.grant && html` <a href=${`#/grants/${entry.grant}`}>request</a>`}</td>
      <td>${entry.source || ''} ${entry.attack?.country && html`<span class="quiet">${entry.attack.country}</span>`}</td>
      <td><bdi>${entry.by?.name || entry.signIn?.user || entry.ruleEdit?.caller || ''}</bdi></td>
    </tr>`;
}

/** What cannot be told, and how new the logs are. */
function Gaps({ answer }) {
  if (!answer) return null;
  const newest = Object.values(answer.newest).sort().pop();
  return html`
    ${answer.gaps.map((gap) => html`<p class="notice" key=${gap.code + gap.subject}>${gap.message}</p>`)}
    ${newest && html`<p class="quiet">The newest log record is of <${Time} at=${newest} />. Flow logs come minutes to an hour late.</p>`}`;
}

function Pictures({ machine, hours }) {
  const told = useAnswer(() => api.summary({ machine, from: since(hours) }), [machine, hours], REFRESH);
  const stays = useAnswer(() => api.grants({ machine, pageSize: 200 }), [machine, hours], REFRESH);
  if (told.error) return html`<${Problem} error=${told.error} again=${told.again} />`;
  if (!told.value) return html`<${Loading} what="Counting" />`;
  const sum = told.value;
  const grants = (stays.value?.value || []).filter((grant) => OPENED.has(grant.state) && grant.startTimeUtc < sum.until && grant.endTimeUtc > sum.since);
  return html`
    <div class="numbers">
      <${Number} title="attempts denied" value=${sum.flows.denied} />
      <${Number} title="sign-ins failed" value=${sum.failedSignIns} />
      <${Number} title="sources" value=${sum.outcomes.denied + sum.outcomes.elsewhere + sum.outcomes.granted + sum.outcomes.reached + sum.outcomes.signedIn} />
      <${Number} title="of them got through" value=${sum.outcomes.reached + sum.outcomes.signedIn} danger />
      <${Number} title="accesses never used" value=${sum.grants.neverUsed.length} />
    </div>
    <${Chart} hours=${sum.hours} grants=${grants} from=${sum.since} to=${sum.until} />
    <div class="tops">
      <${Top} title="Top sources" rows=${sum.sources.slice(0, 8).map((one) => [one.source, one.attack.attempts, one.attack.country])} />
      <${Top} title="Top user names" rows=${sum.users.slice(0, 8).map((one) => [one.user, one.failedSignIns])} />
      <${Top} title="Ports" rows=${sum.ports.slice(0, 8).map((one) => [portName(one.port), one.flows.denied])} />
      ${!machine && html`<${Top} title="Machines" rows=${sum.machines.slice(0, 8).map((one) => [nameOf(one.machine), one.flows.denied])} />`}
    </div>`;
}

const Number = ({ title, value, danger }) => html`<div class=${`number-card ${danger && value ? 'danger' : ''}`}><strong>${value.toLocaleString()}</strong><span>${title}</span></div>`;

function Top({ title, rows }) {
  const most = Math.max(1, ...rows.map((row) => row[1]));
  return html`
    <section><h2>${title}</h2>
      ${!rows.length && html`<p class="quiet">none</p>`}
      <ol class="tops">${rows.map(([name, number, more]) => html`
        <li key=${name}><span class="name"><bdi>${name}</bdi> ${more && html`<span class="quiet">${more}</span>`}</span>
          <meter min="0" max=${most} value=${number} aria-label=${count(number, 'attempt')}></meter><span class="number">${number.toLocaleString()}</span></li>`)}</ol>
    </section>`;
}
