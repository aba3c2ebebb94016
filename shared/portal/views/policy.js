// The settings of machines, one or many: what may be asked, what is locked, and what that would change before it does.

import { html, useEffect, useRef, useState } from '../vendor/preact-htm.js';
import * as api from '../api.js';
import { count, durationOf, hoursOf, hoursText, nameOf } from '../format.js';
import { useAnswer } from '../hooks.js';
import { Dialog, Field, Loading, Problem, issuesOf } from '../ui.js';
import { Changes } from './changes.js';
import { Told } from './told.js';

const DEFAULTS = [22, 3389, 5985, 5986].map((number) => ({ number, protocol: 'TCP', allowedSourceAddressPrefix: '*', maxRequestAccessDuration: 'PT3H' }));
const HOURS = [0.5, 1, 2, 3, 4, 8, 12, 24];
const COMPARED = 20; // machines whose policies are read to see whether they are alike
const BATCH = 10; // machines in one call, so that one sees how far it is
const WAITS = [1, 4, 8, 24, 72, 168];

/** The blade: the policy of one machine as it is, or a new one for all that were chosen. */
export function Policy({ machines, onClose, onDone }) {
  const [only] = machines;
  const single = machines.length === 1;
  const known = useAnswer(() => starting(machines), [only.id]);
  const title = single ? `Just-in-time access to ${only.name}` : `Just-in-time access to ${count(machines.length, 'machine')}`;
  return html`
    <${Dialog} title=${title} onClose=${onClose} wide>
      <${Problem} error=${known.error} again=${known.again} />
      ${known.loading && html`<${Loading} what="Reading the policy" />`}
      ${known.value && html`<${Form} ...${{ machines, onClose, onDone, ...known.value }} />`}
    <//>`;
}

/**
 * What the form begins with: the policy of the one machine as it is; of several the one that they have in common, if
 * they have. Who is told is left out of that, since a kept address is kept for its own machine.
 */
async function starting(machines) {
  const guarded = machines.filter((machine) => machine.state === 'configured');
  if (machines.length === 1) {
    const found = guarded.length ? await api.policy(machines[0].id) : null;
    return { etag: found?.etag, before: found?.document.policy };
  }
  if (!guarded.length || guarded.length < machines.length || guarded.length > COMPARED) return { replaced: guarded.length };
  const policies = (await Promise.all(guarded.map((machine) => api.policy(machine.id)))).map((found) => found.document.policy);
  const [first, ...others] = policies.map(({ notifications, ...rest }) => rest);
  const alike = others.every((one) => JSON.stringify(one) === JSON.stringify(first));
  return { replaced: guarded.length, before: alike ? first : undefined, alike, told: policies.some((one) => one.notifications?.length) };
}

/** What saving the form for several machines would lose, said before. */
function Replaced({ replaced, alike, told }) {
  if (!replaced) return null;
  return html`<p class="notice">${alike ? 'These machines have the same policy; here it is.' : 'This begins with the defaults, not with the policies that these machines have.'}
    What you save replaces the ${replaced === 1 ? 'policy' : 'policies'} of ${count(replaced, 'machine')}${told ? ', and who is told by them' : ''}.</p>`;
}

function suggested(machines) {
  const wanted = new Set(machines.flatMap((machine) => machine.suggestedPorts || []));
  const found = DEFAULTS.filter((port) => wanted.has(port.number));
  return found.length ? found : DEFAULTS;
}

function blank(machines) {
  return { ports: suggested(machines), lock: { scope: 'all', from: '*', keepOpen: [] } };
}

function Form({ machines, before, etag, onClose, onDone, ...known }) {
  const [policy, setPolicy] = useState(() => before || blank(machines));
  const [step, setStep] = useState({ name: 'edit' });
  const change = (part) => { setPolicy({ ...policy, ...part }); setStep({ name: 'edit' }); };
  const single = machines.length === 1;
  const ids = machines.map((machine) => machine.id);
  const attempt = async (what, work) => {
    setStep({ name: 'busy', what });
    try { return await work(); } catch (error) { setStep({ name: 'edit', error }); return null; }
  };
  const report = (what) => (number) => setStep({ name: 'busy', what: `${what}: ${number} of ${ids.length}` });
  const preview = async () => {
    const what = 'Working out what would change';
    const told = await attempt(what, () => (single ? api.previewPolicy(ids[0], policy) : inBatches(ids, (some) => api.previewPolicies(some, policy), report(what))));
    if (told) setStep({ name: 'preview', told: single ? [{ machine: ids[0], preview: told }] : told });
  };
  const save = async () => {
    const told = await attempt('Locking', () => (single ? api.savePolicy(ids[0], policy, etag) : inBatches(ids, (some) => api.savePolicies(some, policy), report('Locking'))));
    if (told) setStep({ name: 'done', told: single ? [told] : told });
  };
  if (step.name === 'done') return html`<${Done} results=${step.told} onDone=${onDone} />`;
  return html`
    <form onSubmit=${(event) => { event.preventDefault(); preview(); }}>
      <div class="body">
        <${Replaced} ...${known} />
        <${Ports} ports=${policy.ports} error=${step.error} onChange=${(ports) => change({ ports })} />
        <${Lock} lock=${policy.lock || {}} onChange=${(lock) => change({ lock })} error=${step.error} />
        <${Rules} policy=${policy} onChange=${change} error=${step.error} />
        <${Told} receivers=${policy.notifications || []} onChange=${(notifications) => change({ notifications })} error=${step.error} />
        <${Problem} error=${step.error} />
        ${step.name === 'preview' && html`<${Shown}><${Changes} results=${step.told} /><//>`}
      </div>
      <footer>
        ${step.name === 'busy' && html`<span class="quiet" role="status">${step.what} …</span>`}
        <button type="button" onClick=${onClose}>Cancel</button>
        <button type="submit" class=${step.name === 'preview' ? '' : 'primary'} disabled=${step.name === 'busy'}>Preview</button>
        <button type="button" class=${step.name === 'preview' ? 'primary' : ''} disabled=${step.name === 'busy'} onClick=${save}>Save</button>
      </footer>
    </form>`;
}

function Ports({ ports, onChange, error }) {
  const set = (index, part) => onChange(ports.map((port, at) => (at === index ? { ...port, ...part } : port)));
  const sources = (port) => (port.allowedSourceAddressPrefixes || [port.allowedSourceAddressPrefix || '*']).join(', ');
  const setSources = (index, text) => {
    const { allowedSourceAddressPrefix: one, allowedSourceAddressPrefixes: many, ...rest } = ports[index];
    const all = listed(text);
    const said = all.length > 1 ? { allowedSourceAddressPrefixes: all } : { allowedSourceAddressPrefix: all[0] || '*' };
    onChange(ports.map((port, at) => (at === index ? { ...rest, ...said } : port)));
  };
  const invalid = (index, field) => (issuesOf(error, `ports[${index}].${field}`).length ? 'true' : undefined);
  return html`
    <fieldset><legend>Ports that may be asked for</legend>
      <div class="scroll"><table class="form">
        <thead><tr><th scope="col">Port or range</th><th scope="col">Protocol</th><th scope="col">From which addresses</th><th scope="col">At most</th><th><span class="unseen">Remove</span></th></tr></thead>
        <tbody>${ports.map((port, index) => html`
          <tr key=${index}>
            <td><input aria-label="Port or range" aria-invalid=${invalid(index, 'number')} required size="11" value=${port.number} onInput=${(event) => set(index, { number: /^\d+$/.test(event.target.value.trim()) ? Number(event.target.value) : event.target.value.trim() })} /></td>
            <td><select aria-label="Protocol" value=${(port.protocol || 'TCP').toUpperCase()} onChange=${(event) => set(index, { protocol: event.target.value })}>${['TCP', 'UDP', '*'].map((one) => html`<option value=${one}>${one === '*' ? 'Any' : one}</option>`)}</select></td>
            <td><input aria-label="From which addresses" aria-invalid=${invalid(index, 'allowedSourceAddressPrefix')} value=${sources(port)} title="* or addresses and prefixes, with commas" onChange=${(event) => setSources(index, event.target.value)} /></td>
            <td><select aria-label="At most" aria-invalid=${invalid(index, 'maxRequestAccessDuration')} value=${hoursOf(port.maxRequestAccessDuration || 'PT3H')} onChange=${(event) => set(index, { maxRequestAccessDuration: durationOf(Number(event.target.value)) })}>
              ${[...new Set([...HOURS, hoursOf(port.maxRequestAccessDuration || 'PT3H')])].sort((a, b) => a - b).map((hours) => html`<option value=${hours}>${hoursText(hours)}</option>`)}</select></td>
            <td><button type="button" class="icon" aria-label=${`Remove port ${port.number}`} onClick=${() => onChange(ports.filter((_, at) => at !== index))}>✕</button></td>
          </tr>`)}</tbody>
      </table></div>
      ${issuesOf(error, 'ports').map((text) => html`<p class="danger" role="alert">${text}</p>`)}
      <p><button type="button" onClick=${() => onChange([...ports, { number: '', protocol: 'TCP', allowedSourceAddressPrefix: '*', maxRequestAccessDuration: 'PT3H' }])}>Add a port</button></p>
    </fieldset>`;
}

function Lock({ lock, onChange, error }) {
  return html`
    <fieldset><legend>What is locked</legend>
      <${Field} id="scope" label="Locked are">
        ${(ties) => html`<select ...${ties} value=${lock.scope || 'all'} onChange=${(event) => onChange({ ...lock, scope: event.target.value, ...(event.target.value === 'ports' ? { keepOpen: [] } : {}) })}>
          <option value="all">all ports, but those that are kept open</option>
          <option value="ports">only the ports above</option>
        </select>`}
      <//>
      ${(lock.scope || 'all') === 'all' && html`
        <${Field} id="keep" label="Kept open" hint="Ports with commas, such as 80, 443. Your other rules go on deciding about them." wrong=${issuesOf(error, 'lock.keepOpen')}>
          ${(ties) => html`<input ...${ties} value=${(lock.keepOpen || []).join(', ')} onChange=${(event) => onChange({ ...lock, keepOpen: listed(event.target.value).map((part) => (/^\d+$/.test(part) ? Number(part) : part)) })} />`}
        <//>`}
      <${Field} id="from" label="Locked against">
        ${(ties) => html`<select ...${ties} value=${lock.from || '*'} onChange=${(event) => onChange({ ...lock, from: event.target.value })}>
          <option value="*">everybody</option>
          <option value="Internet">the Internet; the virtual network stays as it is</option>
        </select>`}
      <//>
    </fieldset>`;
}

/**
 * What many machines get, some at a time. Fails as a whole where the first call does, since nothing was done then; what
 * fails later is told of the machines that it was about.
 */
async function inBatches(ids, work, report) {
  const results = [];
  while (results.length < ids.length) {
    report(results.length);
    const some = ids.slice(results.length, results.length + BATCH);
    try {
      results.push(...(await work(some)).results);
    } catch (error) {
      if (!results.length) throw error;
      results.push(...some.map((machine) => ({ machine, problem: { detail: error.message } })));
    }
  }
  return results;
}

/** Texts with commas between them, as they are typed. */
const listed = (text) => text.split(',').map((part) => part.trim()).filter(Boolean);

function Rules({ policy, onChange, error }) {
  const { approval = {}, justification = {} } = policy;
  const flag = (label, on, set) => html`<label class="check"><input type="checkbox" checked=${!!on} onChange=${(event) => set(event.target.checked)} /> ${label}</label>`;
  const agree = (part) => onChange({ approval: { ...approval, ...part } });
  const explain = (part) => onChange({ justification: { ...justification, ...part } });
  return html`
    <fieldset><legend>Who asks, and who agrees</legend>
      <${Field} id="requestors" label="Who may ask" hint="Object ids of people or groups, with commas; empty: everybody with the role Requestor." wrong=${issuesOf(error, 'requestors')}>
        ${(ties) => html`<input ...${ties} value=${(policy.requestors || []).join(', ')} onChange=${(event) => onChange({ requestors: listed(event.target.value) })} />`}
      <//>
      ${flag('A justification is needed', justification.required, (required) => explain({ required }))}
      <${Field} id="ticket-pattern" label="Form of the ticket" hint="A pattern such as INC[0-9]{6}; empty: no ticket is asked for." wrong=${issuesOf(error, 'justification.ticketPattern')}>
        ${(ties) => html`<input ...${ties} value=${justification.ticketPattern || ''} onChange=${(event) => explain({ ticketPattern: event.target.value.trim() })} />`}
      <//>
      ${flag('Somebody else has to agree', approval.required, (required) => agree({ required }))}
      ${approval.required && html`<${Approval} ...${{ approval, agree, error }} />`}
      ${flag('In an emergency somebody may open without approval', policy.breakGlass, (breakGlass) => onChange({ breakGlass }))}
      ${flag('Open sessions end with the access (flushConnection, for all machines behind the same groups)', policy.endSessions, (endSessions) => onChange({ endSessions }))}
    </fieldset>`;
}

function Approval({ approval, agree, error }) {
  const waits = hoursOf(approval.pendingFor || 'PT24H');
  return html`
    <${Field} id="count" label="How many people" wrong=${issuesOf(error, 'approval.count')}>
      ${(ties) => html`<input ...${ties} type="number" min="1" max="10" value=${approval.count || 1} onChange=${(event) => agree({ count: Number(event.target.value) })} />`}
    <//>
    <${Field} id="approvers" label="Approvers" hint="Object ids of people or groups, with commas; empty: everybody with the role Approver." wrong=${issuesOf(error, 'approval.approvers')}>
      ${(ties) => html`<input ...${ties} value=${(approval.approvers || []).join(', ')} onChange=${(event) => agree({ approvers: listed(event.target.value) })} />`}
    <//>
    <${Field} id="pending" label="A request waits for them" wrong=${issuesOf(error, 'approval.pendingFor')}>
      ${(ties) => html`<select ...${ties} value=${waits} onChange=${(event) => agree({ pendingFor: durationOf(Number(event.target.value)) })}>
        ${[...new Set([...WAITS, waits])].sort((a, b) => a - b).map((hours) => html`<option value=${hours}>${hoursText(hours)}</option>`)}</select>`}
    <//>`;
}

/** Brings what has just appeared into view: a preview stands below what it is about. */
function Shown({ children }) {
  const place = useRef();
  useEffect(() => place.current.scrollIntoView({ block: 'start' }), []);
  return html`<div ref=${place}>${children}</div>`;
}

function Done({ results, onDone }) {
  const failed = results.filter((one) => one.problem);
  const exposed = results.filter((one) => one.lock?.state === 'exposed');
  return html`
    <div class="body" role="status">
      <p><strong>${count(results.length - failed.length, 'machine')} ${results.length - failed.length === 1 ? 'is' : 'are'} under a policy now.</strong></p>
      ${exposed.map((one) => html`<p class="danger">The lock of ${nameOf(one.machine)} does not hold: ${one.lock.because.map((leak) => leak.rule || 'no group').join(', ')} still lets traffic in.</p>`)}
      ${failed.map((one) => html`<p class="danger">${nameOf(one.machine)}: ${one.problem.detail || one.problem.title}</p>`)}
    </div>
    <footer><button type="button" class="primary" autofocus onClick=${onDone}>Done</button></footer>`;
}

/** Taking a policy away, with what would be open afterwards. */
export function Removal({ machine, onClose, onDone }) {
  const told = useAnswer(() => api.previewRemoval(machine.id), [machine.id]);
  const [state, setState] = useState({});
  const remove = async () => {
    setState({ busy: true });
    try { await api.removePolicy(machine.id); onDone(); } catch (error) { setState({ error }); }
  };
  return html`
    <${Dialog} title=${`Remove just-in-time access from ${machine.name}`} onClose=${onClose} wide>
      <div class="body">
        <p>The lock goes, and your own rules decide again. Accesses that are open end.</p>
        <${Problem} error=${told.error || state.error} />
        ${told.loading && html`<${Loading} what="Working out what would be open" />`}
        ${told.value && html`<${Changes} removing results=${[{ machine: machine.id, preview: told.value }]} />`}
      </div>
      <footer>
        <button type="button" onClick=${onClose}>Cancel</button>
        <button type="button" class="primary danger" disabled=${state.busy} onClick=${remove}>Remove</button>
      </footer>
    <//>`;
}
