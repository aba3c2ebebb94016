// The lists of machines: what is guarded, what should be, and what cannot be.

import { html, useEffect, useMemo, useState } from '../vendor/preact-htm.js';
import * as api from '../api.js';
import { count, howLong, localTime } from '../format.js';
import { useAnswer, useNow, usePages, useSettled } from '../hooks.js';
import { Badge, Empty, Loading, Menu, Problem, Rows, Time } from '../ui.js';
import { Policy, Removal } from './policy.js';
import { Ask } from './ask.js';

const REFRESH = 20_000;
const PAGE = 200;
const LOOK_BACK = ['Requestor', 'Administrator', 'Auditor'];
const ABOUT = {
  configured: 'These machines are locked. Whoever needs a port asks for it, and gets it for some hours.',
  notConfigured: 'Nothing guards these machines yet. The worst stand first.',
  unsupported: 'These machines cannot be guarded, and here is why.',
};
const FILTERS = {
  configured: [['', 'All'], ['exposed', 'Exposed'], ['unknown', 'Unknown'], ['open', 'Open'], ['locked', 'Locked']],
  notConfigured: [['', 'All'], ['critical', 'Critical'], ['high', 'High'], ['medium', 'Medium'], ['low', 'Low']],
};
const SYSTEMS = [['', 'All'], ['Linux', 'Linux'], ['Windows', 'Windows']];
const NONE = {
  configured: html`No machine is guarded yet. <a href="#/recommended">See which ones should be.</a>`,
  notConfigured: 'Every machine that can be guarded is.',
  unsupported: 'There is no such machine.',
};

/** One list: search, sort, choose, act. */
export function Machines({ tab, person, search }) {
  const [text, setText] = useState(search.get('q') || '');
  const [order, setOrder] = useState({ by: 'urgency', down: false });
  const [filter, setFilter] = useState({ only: '', os: '' });
  const [chosen, setChosen] = useState(() => new Set());
  const [dialog, setDialog] = useState(null);
  const settled = useSettled(text);
  const wanted = { state: tab.state, q: settled, ...asked(tab, filter, order) };
  const found = usePages((pageToken) => api.machines({ ...wanted, pageSize: PAGE, pageToken }), Object.values(wanted), REFRESH);
  const mayLook = ['Requestor', 'Approver', 'Administrator', 'Auditor'].some((role) => person.roles.has(role));
  const open = useAnswer(() => (mayLook ? api.grants({ state: 'opening,active,closing', pageSize: 200 }) : { value: [] }), [mayLook], REFRESH);
  const stays = useMemo(() => byMachine(open.value?.value || []), [open.value]);
  const rows = useMemo(() => sorted(found.value?.value || [], order), [found.value, order]);
  useEffect(() => { setChosen((before) => kept(before, rows)); }, [rows]);
  const refresh = () => { found.again(); open.again(); };
  const done = () => { setDialog(null); setChosen(new Set()); refresh(); };
  const mayChange = person.roles.has('Administrator') && tab.state !== 'unsupported';
  const verb = tab.state === 'configured' ? 'Edit' : 'Enable JIT on';
  return html`
    <h1>${tab.title} ${found.value && html`<span class="count">${found.value.counts[tab.state].toLocaleString()}</span>`}</h1>
    <p class="quiet">${ABOUT[tab.state]}</p>
    <div class="tools">
      <input type="search" aria-label="Search" placeholder="Name, group, location, address or tag=value" value=${text} onInput=${(event) => setText(event.target.value)} />
      ${FILTERS[tab.state] && html`<${Choice} label="Show" options=${FILTERS[tab.state]} value=${filter.only} onChange=${(only) => setFilter({ ...filter, only })} />`}
      <${Choice} label="System" options=${SYSTEMS} value=${filter.os} onChange=${(os) => setFilter({ ...filter, os })} />
      ${mayChange && html`<button type="button" class="primary" disabled=${!chosen.size} onClick=${() => setDialog({ kind: 'policy', machines: rows.filter((row) => chosen.has(row.id)) })}>
        ${chosen.size ? `${verb} ${count(chosen.size, 'VM')}` : `${verb} … VMs`}</button>`}
    </div>
    <${Problem} error=${found.error} again=${found.again} />
    ${(found.value?.warnings || []).map((warning) => html`<p class="notice">${warning}</p>`)}
    ${!found.value && found.loading && html`<${Loading} what="Looking for machines" />`}
    ${found.value && !rows.length && html`<${Empty}>${settled || filter.only || filter.os ? 'No machine here matches what you look for.' : NONE[tab.state]}<//>`}
    ${rows.length > 0 && html`
      <${List} ...${{ rows, tab, person, order, setOrder, chosen, setChosen, mayChange, stays, setDialog }} />
      <p class="quiet">As of <${Time} at=${found.value.asOf} />; it refreshes by itself.</p>`}
    ${found.more && html`<p><button type="button" disabled=${found.loading} onClick=${found.more}>Show more</button></p>`}
    ${dialog?.kind === 'policy' && html`<${Policy} machines=${dialog.machines} onClose=${() => setDialog(null)} onDone=${done} />`}
    ${dialog?.kind === 'remove' && html`<${Removal} machine=${dialog.machine} onClose=${() => setDialog(null)} onDone=${done} />`}
    ${dialog?.kind === 'ask' && html`<${Ask} machine=${dialog.machine} onClose=${() => setDialog(null)} />`}`;
}

const Choice = ({ label, options, value, onChange }) => html`
  <label class="inline">${label} <select value=${value} onChange=${(event) => onChange(event.target.value)}>${options.map(([key, title]) => html`<option value=${key}>${title}</option>`)}</select></label>`;

/** The filters and the order as the API takes them; it knows all machines, and a page only some. */
function asked(tab, { only, os }, { by, down }) {
  const about = tab.state === 'configured' ? { condition: only, urgency: '' } : { condition: '', urgency: only };
  return { ...about, os, orderBy: ORDERS[by] || 'urgency', descending: ORDERS[by] && down ? 'true' : '' };
}

function byMachine(grants) {
  const found = new Map();
  for (const grant of grants) {
    const key = grant.machine.toLowerCase();
    found.set(key, [...(found.get(key) || []), grant]);
  }
  return found;
}

const kept = (chosen, rows) => new Set(rows.map((row) => row.id).filter((id) => chosen.has(id)));

const ORDERS = { urgency: 'urgency', name: 'name', group: 'resourceGroup', location: 'location' };

/** What the API cannot sort by, because only the logs know it: of the rows that are shown, those with most come first. */
function sorted(rows, { by, down }) {
  if (by !== 'attempts') return rows;
  const most = [...rows].sort((one, other) => (other.attemptsLast24Hours ?? -1) - (one.attemptsLast24Hours ?? -1));
  return down ? most.reverse() : most;
}

function List({ rows, tab, person, order, setOrder, chosen, setChosen, mayChange, stays, setDialog }) {
  const all = rows.every((row) => chosen.has(row.id));
  const head = (by, title, kind) => html`
    <th scope="col" class=${kind} aria-sort=${order.by !== by ? 'none' : order.down ? 'descending' : 'ascending'}>
      <button type="button" class="plain" onClick=${() => setOrder({ by, down: order.by === by && !order.down })}>${title}${order.by === by && by !== 'urgency' ? (order.down ? ' ↓' : ' ↑') : ''}</button>
    </th>`;
  return html`
    <div class="scroll"><table class="machines" aria-rowcount=${rows.length + 1}>
      <thead><tr>
        ${mayChange && html`<th class="narrow"><input type="checkbox" aria-label="Choose all" checked=${all} onChange=${() => setChosen(new Set(all ? [] : rows.map((row) => row.id)))} /></th>`}
        ${head('name', 'Machine')}
        ${head('urgency', tab.state === 'configured' ? 'Lock' : 'Why')}
        ${tab.state === 'configured' && html`<th scope="col" class="less">Last access</th>`}
        ${head('attempts', 'Attempts, 24 h', 'number less')}
        ${head('group', 'Resource group', 'less')}
        ${head('location', 'Location', 'less')}
        <th class="narrow"><span class="unseen">Actions</span></th>
      </tr></thead>
      <${Rows} rows=${rows} columns="8">${(row) => html`<${Row} key=${row.id} ...${{ row, tab, person, chosen, setChosen, mayChange, setDialog, stays: stays.get(row.id.toLowerCase()) }} />`}<//>
    </table></div>`;
}

function Row({ row, tab, person, chosen, setChosen, mayChange, stays = [], setDialog }) {
  const toggle = () => setChosen((before) => {
    const after = new Set(before);
    if (!after.delete(row.id)) after.add(row.id);
    return after;
  });
  const guarded = tab.state === 'configured';
  const items = [
    { label: 'Properties', act: () => { location.hash = `#/machines${row.id}`; } },
    ...(LOOK_BACK.some((role) => person.roles.has(role)) ? [{ label: 'Activity log', act: () => { location.hash = `#/activity?machine=${encodeURIComponent(row.id)}`; } }] : []),
    ...(mayChange && guarded ? [{ label: 'Edit', act: () => setDialog({ kind: 'policy', machines: [row] }) },
      { label: 'Remove', danger: true, act: () => setDialog({ kind: 'remove', machine: row }) }] : []),
    ...(mayChange && !guarded ? [{ label: 'Enable JIT', act: () => setDialog({ kind: 'policy', machines: [row] }) }] : []),
  ];
  return html`
    <tr class=${row.urgency}>
      ${mayChange && html`<td><input type="checkbox" aria-label=${`Choose ${row.name}`} checked=${chosen.has(row.id)} onChange=${toggle} /></td>`}
      <th scope="row"><a href=${`#/machines${row.id}`}><bdi>${row.name}</bdi></a> <span class="quiet">${[row.os, KINDS[row.kind]].filter(Boolean).join(', ')}</span></th>
      <td>${guarded ? html`<${State} row=${row} stays=${stays} />` : html`<${Reasons} row=${row} />`}</td>
      ${guarded && html`<td class="less">${row.use?.lastAccess ? html`<${Time} at=${row.use.lastAccess.at} /> by <bdi>${row.use.lastAccess.by.name}</bdi>` : html`<span class="quiet">none in 7 days</span>`}</td>`}
      <td class="number less">${row.attemptsLast24Hours ?? html`<span class="quiet" title="The flow logs do not tell.">unknown</span>`}</td>
      <td class="less"><bdi>${row.resourceGroup}</bdi></td>
      <td class="less">${row.location}</td>
      <td class="actions">
        ${guarded && person.roles.has('Requestor') && html`<button type="button" onClick=${() => setDialog({ kind: 'ask', machine: row })} aria-label=${`Request access to ${row.name}`}>Request</button>`}
        <${Menu} label=${`More about ${row.name}`} items=${items} />
      </td>
    </tr>`;
}

/** Where a machine is, if not in Azure. */
const KINDS = { arcServer: 'Azure Arc', ec2Instance: 'Amazon EC2' };

const WHY = { critical: 'danger', high: 'danger', medium: 'warning', low: '', none: '' };

function Reasons({ row }) {
  return html`${row.reasons.map((reason) => html`<p class="reason"><${Badge} kind=${WHY[row.urgency]}>${row.urgency}<//> ${reason.message}</p>`)}`;
}

const HOLDING = new Set(['opening', 'active', 'closing']);

/** The accesses by which something may stand open: those that this person may see, and how many others there are. */
function accesses(row, stays = []) {
  const known = stays.filter((stay) => HOLDING.has(stay.state));
  return { known, others: Math.max(0, (row.use?.activeGrants || 0) - known.length) };
}

/** The truth at a glance: exposed through which rule, open for whom until when, or locked. */
export function State({ row, stays }) {
  const now = useNow(10_000);
  const { known, others } = accesses(row, stays);
  return html`
    ${row.lock?.state === 'exposed' && html`<p class="reason"><${Badge} kind="danger">exposed<//> through ${[...new Set(row.lock.because.map((one) => one.rule || 'no network security group'))].join(', ')}</p>`}
    ${row.kind === 'arcServer' && row.power !== 'connected' && html`<p class="reason"><${Badge} kind="warning">${row.power || 'not connected'}<//> what is open ends by its own clock; nothing can be opened or closed before</p>`}
    ${row.lock?.state === 'unknown' && html`<p class="reason"><${Badge} kind="warning">unknown<//> ${row.reasons[0]?.message}</p>`}
    ${known.map((stay) => html`<p class="reason"><${Badge} kind="open">${stay.state === 'active' ? 'open' : stay.state}<//> for <bdi>${stay.requestor.name}</bdi> until <a href=${`#/grants/${stay.id}`} title=${howLong(new Date(stay.endTimeUtc) - now)}>${localTime(stay.endTimeUtc)}</a></p>`)}
    ${others > 0 && html`<p class="reason"><${Badge} kind="open">open<//> for ${others === 1 ? 'somebody else' : `${others} others`}</p>`}
    ${row.conditions.includes('locked') && !known.length && !others && html`<p class="reason"><${Badge} kind="locked">locked<//></p>`}`;
}

