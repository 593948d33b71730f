import { describe, expect, it } from '@jest/globals';

import type { ClusterName } from '@clustermesh/wire';

import { parseUsersFile } from './users-file.ts';

const east = 'east' as ClusterName;

describe('parseUsersFile', () => {
  it.each([
    { text: 'users:\n- name: remote-west\n  role: remote\n', want: [{ name: 'remote-west', role: 'remote' }] },
    { text: '{"users":[{"name":"remote","role":"remote","more":1}]}', want: [{ name: 'remote', role: 'remote' }] },
    { text: 'users:\n', want: [] },
    { text: '', want: [] },
  ])('reads $text', ({ text, want }) => {
    expect(parseUsersFile(text, east)).toEqual({ ok: true, value: want });
  });

  it.each([
    { text: 'users: remote-west', says: 'no list of users' },
    { text: '\t{', says: 'no list of users' },
    { text: 'users: [{name: "", role: remote}]', says: 'no list of users' },
    { text: 'users: [{name: admin-east, role: remote}]', says: 'admin-east is a user of the mesh itself' },
    { text: 'users: [{name: root, role: remote}]', says: 'root is a user of the mesh itself' },
    { text: 'users: [{name: remote-west, role: root}]', says: 'unknown role root' },
  ])('refuses $text', ({ text, says }) => {
    expect(parseUsersFile(text, east)).toMatchObject({ ok: false, reason: expect.stringContaining(says) });
  });
});
