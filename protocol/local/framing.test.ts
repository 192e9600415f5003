import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeFrame, FrameDecoder, FramingError } from './framing.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const faultOf = (bytes: Uint8Array, maxBytes = 1_000): string => {
  try {
    new FrameDecoder(maxBytes).push(bytes);
    return 'none';
  } catch (error) {
    return error instanceof FramingError ? error.fault : String(error);
  }
};

describe('frames of the local API', () => {
  test('come back whole however they are cut', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue(), { maxLength: 4 }), fc.array(fc.nat({ max: 400 }), { maxLength: 12 }), (messages, cuts) => {
        const stream = Buffer.concat(messages.map((message) => encodeFrame(message)));
        const decoder = new FrameDecoder(1_000_000);
        const edges = [...new Set([0, ...cuts.map((cut) => Math.min(cut, stream.length)), stream.length])].sort(
          (left, right) => left - right,
        );
        const decoded = edges.slice(1).flatMap((edge, index) => decoder.push(stream.subarray(edges[index], edge)));

        expect(decoded).toEqual(messages.map((message) => JSON.parse(JSON.stringify(message))));
      }),
    );
  });

  test('never make the decoder throw anything but a framing error, whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        expect(['none', 'too-large', 'bad-header', 'not-utf8', 'not-json']).toContain(faultOf(bytes));
      }),
    );
  });

  test.each([
    { name: 'a body at the limit', frame: 'Content-Length: 4\r\n\r\ntrue', fault: 'none', maxBytes: 4 },
    { name: 'a body over the limit, before any of it has come', frame: 'Content-Length: 5\r\n\r\n', fault: 'too-large', maxBytes: 4 },
    { name: 'a content type beside the length', frame: 'Content-Type: application/json\r\nContent-Length: 4\r\n\r\ntrue', fault: 'none' },
    { name: 'two lengths', frame: 'Content-Length: 4\r\nContent-Length: 4\r\n\r\ntrue', fault: 'bad-header' },
    { name: 'no length', frame: 'Content-Type: x\r\n\r\n', fault: 'bad-header' },
    { name: 'a negative length', frame: 'Content-Length: -1\r\n\r\n', fault: 'bad-header' },
    { name: 'another header', frame: 'Host: x\r\nContent-Length: 4\r\n\r\ntrue', fault: 'bad-header' },
    { name: 'an unfinished header that is too long', frame: `Content-Type: ${'x'.repeat(300)}`, fault: 'bad-header' },
    { name: 'an empty body', frame: 'Content-Length: 0\r\n\r\n', fault: 'not-json' },
  ])('with $name are judged: $fault', ({ frame, fault, maxBytes }) => {
    expect(faultOf(bytesOf(frame), maxBytes)).toBe(fault);
  });

  test('end at the first fault: nothing after it is read', () => {
    const decoder = new FrameDecoder(100);

    expect(() => decoder.push(bytesOf('nonsense\r\n\r\n'))).toThrow(FramingError);
    expect(() => decoder.push(encodeFrame({ fine: true }))).toThrow(FramingError);
  });

  test('with broken JSON do not carry the text in the error', () => {
    try {
      new FrameDecoder(100).push(bytesOf('Content-Length: 9\r\n\r\n{"canary"'));
      expect.unreachable();
    } catch (error) {
      expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('canary');
      expect((error as Error).cause).toBeUndefined();
    }
  });
});
