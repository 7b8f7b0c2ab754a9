import js from '@eslint/js';
import globals from 'globals';

export default [
  { ignores: ['protocol/types/'] },
  js.configs.recommended,
  {
    languageOptions: { ecmaVersion: 2023, sourceType: 'module' },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      eqeqeq: 'error',
      'no-console': 'error',
      'no-eval': 'error',
      'no-implied-eval': 'error',
      'no-var': 'error',
      'object-shorthand': 'error',
      'prefer-const': 'error',
      'no-unused-vars': ['error', { args: 'after-used', argsIgnorePattern: '^_' }],
      // Bad characters are looked for by what they are.
      'no-control-regex': 'off',
      'no-misleading-character-class': 'off',
    },
  },
  {
    // Both stand on what browsers and Node have in common.
    files: ['protocol/src/**/*.js'],
    languageOptions: {
      globals: { TextEncoder: 'readonly', TextDecoder: 'readonly' },
    },
    rules: {
      'no-restricted-globals': ['error', 'Date', 'performance', 'setTimeout', 'setInterval', 'fetch', 'WebSocket'],
      'no-restricted-properties': ['error', { object: 'Math', property: 'random' }],
    },
  },
  { files: ['net/*.js', 'ui/**/*.js'], languageOptions: { globals: globals.browser } },
  // What a browser test hands to its page runs there.
  { files: ['test/**/*.js'], languageOptions: { globals: globals.browser } },
  { files: ['shim/*.js'], languageOptions: { globals: globals.node } },
  { files: ['**/test/**/*.js', '*.config.js'], languageOptions: { globals: globals.node }, rules: { 'no-console': 'off' } },
];
