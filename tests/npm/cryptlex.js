// Speaks to the server as Cryptlex's programmes speak to its API, for the tests. The vendor's own client is not on npm; these are the
// packages below it: `axios`, on which its client for the Web API stands, and `openapi-fetch`, with which its integrations for shops find
// and make users. Every line on standard input is one call as JSON, every line on standard output its outcome:
//   {"call":1,"base":"http://…","token":"spk_…","headers":{…},"do":"token","args":["…id…"]}  ->  {"call":1,"value":…}
'use strict';
const { randomBytes } = require('crypto');
const axios = require('axios');
const createClient = require('openapi-fetch').default;

const failed = (status, body) => Object.assign(new Error(body?.message ?? 'no message'), { code: status, body: body ?? null });

// As the vendor's client: one instance, the token and whatever headers a team adds in every call, arguments as query parameters.
async function web(call, ask) {
  const client = axios.create({ baseURL: `${call.base}/v3`, headers: { ...(call.token && { Authorization: `Bearer ${call.token}` }), ...call.headers } });
  try {
    return await ask(client);
  } catch (e) {
    throw e.response ? failed(e.response.status, e.response.data) : e;
  }
}

// As the integrations for shops: two events may make one buyer at the same time, so whoever comes second finds the first one's user.
async function upsert(call, { email, ...person }) {
  const client = createClient({ baseUrl: call.base });
  client.use({
    onRequest({ request }) {
      request.headers.set('Authorization', `Bearer ${call.token}`);
      return request;
    },
  });
  const find = async () => {
    const { data, error, response } = await client.GET('/v3/users', { params: { query: { email: { eq: email } } } });
    if (error) throw failed(response.status, error);
    return data[0]?.id ?? null;
  };
  const change = async (id) => {
    const { data, error, response } = await client.PATCH('/v3/users/{id}', { params: { path: { id } }, body: person });
    if (error) throw failed(response.status, error);
    return data.id;
  };
  const there = await find();
  if (there) return change(there);
  const password = randomBytes(8).toString('base64url').slice(0, 10);
  const { data, error, response } = await client.POST('/v3/users', { body: { email, password, role: 'user', ...person } });
  if (!error) return data.id;
  const theirs = await find();
  if (!theirs) throw failed(response.status, error);
  return change(theirs);
}

const calls = {
  upsert,
  list: (call, params) => web(call, async (client) => {
    const { data, headers } = await client.get('/users', { params: { page: 1, limit: 100, ...params } });
    return { users: data, count: headers['pagination-count'], page: headers['pagination-page'], limit: headers['pagination-limit'] };
  }),
  user: (call, id) => web(call, async (client) => (await client.get(`/users/${id}`)).data),
  create: (call, user) => web(call, async (client) => (await client.post('/users', user)).data),
  remove: (call, id) => web(call, async (client) => (await client.delete(`/users/${id}`)).status),
  token: (call, id) => web(call, async (client) => (await client.post(`/users/${id}/reset-password-token`)).data.resetPasswordToken),
  reset: (call, id, token, newPassword) => web(call, async (client) => (await client.post(`/users/${id}/reset-password`, { token, newPassword })).status),
  request: (call, email) => web(call, async (client) => (await client.post('/accounts/reset-password-request', { email })).status),
};

require('readline').createInterface({ input: process.stdin })
  .on('line', async (line) => {
    const call = JSON.parse(line);
    let outcome;
    try {
      outcome = { value: (await calls[call.do](call, ...(call.args || []))) ?? null };
    } catch (e) {
      outcome = { error: { code: typeof e.code === 'number' ? e.code : null, message: e.message ?? String(e), body: e.body ?? null } };
    }
    process.stdout.write(JSON.stringify({ call: call.call, ...outcome }) + '\n');
  })
  .on('close', () => process.exit(0));
