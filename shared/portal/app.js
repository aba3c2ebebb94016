// The portal: who is signed in, which view is shown, and what is said at the top of each.

import { html, render, useEffect, useErrorBoundary } from './vendor/preact-htm.js';
import * as api from './api.js';
import { useAnswer, usePlace } from './hooks.js';
import { Loading, Problem } from './ui.js';
import { Activity } from './views/activity.js';
import { Computers } from './views/computers.js';
import { Grant } from './views/grant.js';
import { Machine } from './views/machine.js';
import { Machines } from './views/machines.js';
import { Requests } from './views/requests.js';

const TABS = [
  { path: 'configured', title: 'Configured', state: 'configured', needs: null },
  { path: 'recommended', title: 'Recommended', state: 'notConfigured', needs: null },
  { path: 'unsupported', title: 'Unsupported', state: 'unsupported', needs: null },
  { path: 'computers', title: 'Non-Azure computers', needs: null },
  { path: 'requests', title: 'Requests', needs: ['Requestor', 'Approver', 'Administrator', 'Auditor'] },
  { path: 'activity', title: 'Activity', needs: ['Requestor', 'Administrator', 'Auditor'] },
];

const TITLES = { machines: 'Machine', grants: 'Request' };

const mayUse = (person, tab) => !tab.needs || tab.needs.some((role) => person.roles.has(role));

function SignIn() {
  const back = encodeURIComponent(`/${location.hash}`);
  return html`
    <main class="start">
      <h1>Postern</h1>
      <p>Just-in-time access to your virtual machines. Everything stays locked until somebody asks.</p>
      <p><a class="button primary" href=${`/.auth/login/aad?post_login_redirect_uri=${back}`}>Sign in</a></p>
    </main>`;
}

/** A view that fails is told as such; the others go on. */
function Guarded({ person, place }) {
  const [error] = useErrorBoundary((thrown) => console.error(thrown));
  if (error) return html`<${Problem} error=${{ message: 'This view cannot be shown. Load the page again; if that does not help, tell whoever runs Postern.' }} />`;
  return html`<${View} person=${person} place=${place} />`;
}

function View({ person, place }) {
  if (!person.roles.size) return html`<h1>No role</h1><p class="empty">You are signed in, but may do nothing here. Ask whoever runs Postern for a role.</p>`;
  const [first, ...rest] = place.parts;
  const id = rest.length ? `/${rest.join('/')}` : '';
  if (first === 'machines' && id) return html`<${Machine} key=${id} id=${id} person=${person} />`;
  if (first === 'grants' && rest[0]) return html`<${Grant} key=${rest[0]} id=${rest[0]} person=${person} />`;
  const tab = TABS.find((one) => one.path === first) || TABS[0];
  if (!mayUse(person, tab)) return html`<h1>${tab.title}</h1><p class="empty">Your roles do not include this view. Ask whoever runs Postern for one.</p>`;
  if (tab.state) return html`<${Machines} key=${tab.path} tab=${tab} person=${person} search=${place.search} />`;
  if (tab.path === 'computers') return html`<${Computers} tab=${tab} person=${person} />`;
  if (tab.path === 'requests') return html`<${Requests} person=${person} search=${place.search} />`;
  return html`<${Activity} person=${person} search=${place.search} />`;
}

function App() {
  const place = usePlace();
  const me = useAnswer(api.whoAmI, []);
  if (me.loading && me.value === undefined) return html`<main class="start"><${Loading} what="Looking who you are" /></main>`;
  if (me.error && !me.value) return html`<main class="start"><${Problem} error=${me.error} again=${me.again} /></main>`;
  if (!me.value) return html`<${SignIn} />`;
  return html`<${Shell} person=${me.value} place=${place} />`;
}

function Shell({ person, place }) {
  const [here] = place.parts;
  const title = TITLES[here] || TABS.find((tab) => tab.path === here)?.title || TABS[0].title;
  useEffect(() => { document.title = `${title} – Postern`; }, [title]);
  const roles = [...person.roles].sort().join(', ') || 'no role';
  return html`
    <a class="skip" href="#content" onClick=${(event) => { event.preventDefault(); document.getElementById('content').focus(); }}>Skip to content</a>
    <header class="bar">
      <a class="brand" href="#/configured"><img src="/portal/icon.svg" alt="" width="24" height="24" />Postern</a>
      <nav aria-label="Views">
        ${TABS.filter((tab) => mayUse(person, tab)).map((tab) => html`
          <a key=${tab.path} href=${`#/${tab.path}`} aria-current=${(here || 'configured') === tab.path ? 'page' : undefined}>${tab.title}</a>`)}
      </nav>
      <span class="who" title=${`Roles: ${roles}`}>${person.name}</span>
      <a class="plain" href="/.auth/logout?post_logout_redirect_uri=%2F">Sign out</a>
    </header>
    <main id="content" tabindex="-1"><${Guarded} key=${place.parts.join('/')} person=${person} place=${place} /></main>`;
}

render(html`<${App} />`, Object.assign(document.getElementById('app'), { textContent: '' }));
