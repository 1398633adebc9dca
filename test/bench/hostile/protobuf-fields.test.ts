import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { changedFields } from '../../../bench/hostile/protobuf-fields.ts';
import { randomStream } from '../../../src/core/random.ts';
import { ModelProto } from '../../../src/model/formats/onnx/proto.ts';

const model = readFileSync('test/fixtures/tabular.onnx');

describe('changedFields', () => {
  it('writes other messages that can be decoded, the same for the same draws', () => {
    const texts = new Set<string>();
    for (let trial = 0; trial < 100; trial++) {
      const changed = changedFields(ModelProto, model, randomStream('fields', trial));
      ModelProto.decode(changed);
      expect(changedFields(ModelProto, model, randomStream('fields', trial))).toEqual(changed);
      texts.add(Buffer.from(changed).toString('latin1'));
    }
    // A field may be given the value that it has.
    expect(texts.size).toBeGreaterThan(75);
  });
});
