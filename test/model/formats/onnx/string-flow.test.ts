import { expect, test } from '@jest/globals';
import { ML_DOMAIN, OnnxBuilder } from '../../../../src/model/formats/onnx/builder.ts';
import { readOnnx } from '../../../../src/model/formats/onnx/graph.ts';

function flowOf(builder: OnnxBuilder) {
  builder.output('y', 'float32', []);
  return readOnnx(builder.finish('strings'), 'strings.onnx').strings;
}

test('the pool of an input holds what the graph compares it with, through operations that pass strings on', () => {
  const builder = new OnnxBuilder();
  const x = builder.input('x', 'string', ['N', 3]);
  builder.input('z', 'string', ['N']);
  builder.constant('first', 'int64', [1], BigInt64Array.of(0n));
  builder.strings('yes', [1], ['yes']);
  builder.node('ArrayFeatureExtractor', [x, 'first'], 'column', {}, ML_DOMAIN);
  builder.node('OneHotEncoder', ['column'], 'hot', { cats_strings: { strings: ['red', 'blue'] } }, ML_DOMAIN);
  const keys = { keys_strings: { strings: ['low', 'high'] }, values_floats: { floats: [0, 1] } };
  builder.node('LabelEncoder', [x], 'levels', keys, ML_DOMAIN);
  builder.node('Equal', ['x', 'yes'], 'flags');
  builder.node(
    'CategoryMapper',
    ['z'],
    'mapped',
    { cats_strings: { strings: ['a'] }, cats_int64s: [1] },
    ML_DOMAIN,
  );
  const { pools, tensors } = flowOf(builder);
  expect(pools.get('x')).toEqual({ pool: ['blue', 'high', 'low', 'red', 'yes'], areTexts: false });
  expect(pools.get('z')).toEqual({ pool: ['a'], areTexts: false });
  expect([...tensors].sort()).toEqual(['column', 'x', 'yes', 'z']);
});

test('strings that the model splits into words are texts', () => {
  const builder = new OnnxBuilder();
  builder.input('text', 'string', ['N']);
  builder.node('StringNormalizer', ['text'], 'lower', { case_change_action: { string: 'LOWER' } });
  builder.node('Tokenizer', ['lower'], 'tokens');
  builder.node('TfIdfVectorizer', ['tokens'], 'tf', { pool_strings: { strings: ['good', 'bad'] } });
  expect(flowOf(builder).pools.get('text')).toEqual({ pool: ['bad', 'good'], areTexts: true });
});

test('labels are known of classifiers, encoders and extracted constants, and of nothing that an input decides', () => {
  const builder = new OnnxBuilder();
  builder.input('x', 'float32', ['N', 2]);
  builder.input('s', 'string', ['N']);
  builder.strings('names', [2], ['no', 'yes']);
  const labels = { classlabels_strings: { strings: ['cat', 'dog'] } };
  builder.node('LinearClassifier', ['x'], ['label', 'scores'], labels, ML_DOMAIN);
  builder.node('Normalizer', ['scores'], 'shares', {}, ML_DOMAIN);
  builder.node('ArgMax', ['x'], 'best');
  builder.node('ArrayFeatureExtractor', ['names', 'best'], 'named', {}, ML_DOMAIN);
  const encoder = {
    keys_int64s: [0],
    values_strings: { strings: ['zero'] },
    default_string: { string: 'other' },
  };
  builder.node('LabelEncoder', ['best'], 'encoded', encoder, ML_DOMAIN);
  builder.node('Concat', ['named', 'encoded'], 'all', { axis: 0 });
  builder.node('Identity', ['s'], 'free');
  builder.node('Concat', ['named', 'free'], 'mixed', { axis: 0 });
  const { values, classes } = flowOf(builder);
  expect(Object.fromEntries(values)).toEqual({
    names: ['no', 'yes'],
    label: ['cat', 'dog'],
    named: ['no', 'yes'],
    encoded: ['zero', 'other'],
    all: ['no', 'yes', 'zero', 'other'],
  });
  expect(Object.fromEntries(classes)).toEqual({ scores: ['cat', 'dog'], shares: ['cat', 'dog'] });
});
