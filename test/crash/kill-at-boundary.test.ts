/** Kills the daemon at each named place of a rotation (C0, C1, C3, C6, C7, C9, C10) and lets its successor finish. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rotationBoundaries } from '../support/rotation-boundaries.ts';
import { expectNothingLeftBehind } from './expectations.ts';
import { LoginMeter } from './login-meter.ts';
import { type Managed, Stand } from './stand.ts';

let stand: Stand;

beforeAll(async () => {
  stand = await Stand.open();
}, 60_000);

afterAll(async () => {
  await stand?.close();
});

describe('killed at each boundary of a rotation', () => {
  let managed: Managed;

  beforeAll(async () => {
    managed = await stand.adopted();
  }, 60_000);

  test.each(rotationBoundaries)(
    'a daemon killed at "%s" is finished by its successor, and no login fails',
    async (boundary) => {
      const killed = await stand.restartDaemon(boundary);
      const meter = await LoginMeter.start(stand, managed);
      const { rotationId } = await stand.client((client) => client.call('agent.rotate', { secretId: managed.secretId }));

      expect(await killed.ended).toBe('SIGKILL');
      await stand.restartDaemon();
      await stand.retired(managed.secretId, rotationId);
      const reading = await meter.stop();

      expect(reading.codes).toEqual([]);
      expect(reading.tried).toBeGreaterThan(0);
      await expectNothingLeftBehind(stand, managed);
    },
    40_000,
  );
});

describe('killed at each boundary of an adoption', () => {
  test.each(rotationBoundaries.filter((boundary) => /^(journalled|before|after)/.test(boundary)))(
    'an adoption killed at "%s" is finished by the successor, and no login fails',
    async (boundary) => {
      await stand.restartDaemon();
      const managed = await stand.manage();
      const killed = await stand.restartDaemon(boundary);
      const meter = await LoginMeter.start(stand, managed);
      const { rotationId } = await stand.client((client) => client.call('agent.adopt', { secretId: managed.secretId }));

      expect(await killed.ended).toBe('SIGKILL');
      await stand.restartDaemon();
      await stand.retired(managed.secretId, rotationId);
      const reading = await meter.stop();

      expect(reading.codes).toEqual([]);
      await expectNothingLeftBehind(stand, managed);
    },
    40_000,
  );
});
