// Agreeing, or saying no, with a comment.

import { html, useState } from '../vendor/preact-htm.js';
import * as api from '../api.js';
import { Field, Problem } from '../ui.js';

export function Decide({ grant, onDone }) {
  const [comment, setComment] = useState('');
  const [state, setState] = useState({});
  const decide = async (what) => {
    setState({ busy: true });
    try { await api.act(grant.id, what, comment ? { comment } : {}); setState({}); onDone(); } catch (error) { setState({ error }); }
  };
  const id = `comment-${grant.id}`;
  return html`
    <div class="decide">
      <${Field} id=${id} label="Comment">
        ${(ties) => html`<input ...${ties} value=${comment} onInput=${(event) => setComment(event.target.value)} />`}
      <//>
      <button type="button" class="primary" disabled=${state.busy} onClick=${() => decide('approve')}>Approve</button>
      <button type="button" class="danger" disabled=${state.busy} onClick=${() => decide('deny')}>Deny</button>
      <${Problem} error=${state.error} />
    </div>`;
}
