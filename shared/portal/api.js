// The API as the portal calls it: one function for each thing that can be done, and one kind of error.

/** What went wrong, as the API's problem documents tell it; `status` 0 means that nobody answered. */
export class ApiError extends Error {
  constructor(status, problem, retryAfter) {
    super(problem.detail || problem.title || 'Something went wrong.');
    this.status = status;
    this.code = problem.code || '';
    this.issues = problem.issues || [];
    this.retryAfter = retryAfter;
  }
}

const UNREACHABLE = { detail: 'Postern cannot be reached. What is shown is what was known last; it tries again by itself.' };
const UNHEARD = { detail: 'Postern cannot be reached, so whether this was done is not known. What you wrote is kept: try again, which does no harm.' };
const SIGNED_OUT = { detail: 'You are no longer signed in.' };

async function call(method, address, body, headers = {}) {
  const sent = { Accept: 'application/json', ...headers };
  if (method !== 'GET') sent['X-Postern-Request'] = 'portal';
  if (body !== undefined) sent['Content-Type'] = 'application/json';
  let answer;
  try {
    answer = await fetch(address, { method, headers: sent, body: body && JSON.stringify(body), credentials: 'same-origin' });
  } catch {
    throw new ApiError(0, method === 'GET' ? UNREACHABLE : UNHEARD);
  }
  const document = await answer.json().catch(() => ({ detail: `The answer could not be read (status ${answer.status}).` }));
  if (!answer.ok) {
    throw new ApiError(answer.status, answer.status === 401 ? SIGNED_OUT : document, Number(answer.headers.get('Retry-After')) || undefined);
  }
  return { status: answer.status, document, etag: answer.headers.get('ETag') };
}

const read = async (address) => (await call('GET', address)).document;
const write = async (method, address, body, headers) => (await call(method, address, body, headers)).document;

/** An id as part of a path. It may come from the address of this page, so that whatever stands in it stays one id. */
const path = (id) => id.split('/').map(encodeURIComponent).join('/');

/** A query string of what is not empty. */
export function query(values) {
  const known = Object.entries(values).filter(([, value]) => value !== undefined && value !== null && value !== '');
  const text = new URLSearchParams(known).toString();
  return text ? `?${text}` : '';
}

/** Who is signed in, with roles; null for nobody. Whoever has no role is told that, and nothing else. */
export async function whoAmI() {
  try {
    const { id, name, roles } = await read('/api/me');
    return { id, name, roles: new Set(roles.map((role) => role.replace('Postern.', ''))) };
  } catch (error) {
    if (error.status === 401) return null;
    if (error.code === 'forbidden') return { id: '', name: 'Signed in', roles: new Set() };
    throw error;
  }
}

export const machines = (wanted) => read(`/api/machines${query(wanted)}`);
export const machine = (id) => read(`/api/machines${path(id)}`);

export const policy = (id) => call('GET', `/api/policies${path(id)}`);
export const previewPolicy = (id, wanted) => write('PUT', `/api/policies${path(id)}?preview=true`, wanted);
export const savePolicy = (id, wanted, etag) => write('PUT', `/api/policies${path(id)}`, wanted, etag ? { 'If-Match': etag } : {});
export const previewPolicies = (ids, wanted) => write('POST', '/api/policies?preview=true', { machines: ids, policy: wanted });
export const savePolicies = (ids, wanted) => write('POST', '/api/policies', { machines: ids, policy: wanted });
export const previewRemoval = (id) => write('DELETE', `/api/policies${path(id)}?preview=true`);
export const removePolicy = (id) => write('DELETE', `/api/policies${path(id)}`);

export const grants = (wanted) => read(`/api/grants${query(wanted)}`);
export const grant = (id) => read(`/api/grants/${encodeURIComponent(id)}`);
export const previewGrant = (wanted) => write('POST', '/api/grants?preview=true', wanted);
export const askForAccess = (wanted, key) => write('POST', '/api/grants', wanted, { 'Idempotency-Key': key, Prefer: 'wait=1' });
export const act = (id, what, body) => write('POST', `/api/grants/${encodeURIComponent(id)}/${what}`, body);

export const activity = (wanted) => read(`/api/activity${query(wanted)}`);
export const summary = (wanted) => read(`/api/activity/summary${query(wanted)}`);
export const computers = (wanted) => read(`/api/computers${query(wanted)}`);
export const onboarding = (wanted) => read(`/api/computers/onboarding${query(wanted)}`);
export const computerSheet = (wanted) => `/api/computers.csv${query(wanted)}`;
export const costs = (wanted) => read(`/api/costs${query(wanted)}`);
export const costSheet = (wanted) => `/api/costs.csv${query(wanted)}`;

export const sheet = (wanted) => `/api/activity.csv${query(wanted)}`;
