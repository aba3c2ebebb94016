// Closes what main.js has opened, or may have opened when it was stopped. Runs at the end of every job.
'use strict';

const { ask, connect, end, say, signIn } = require('./postern.js');

async function post() {
  // State that main.js has noted; none where it never came to ask.
  const { STATE_key: key, STATE_wish: wish, STATE_refused: refused } = process.env;
  if (!key || refused) return;
  const call = connect(await signIn());
  // The same request with the same key: the app answers with the grant that there is.
  const grant = await ask(call, wish, key);
  await end(call, grant.id);
  say('', `Grant ${grant.id} is closed.`);
}

post().catch((error) => {
  say('warning', `It could not be closed, and ends when its time is up. ${error.message}`);
});
