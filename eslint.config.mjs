// Rules for the static site's modules and for the app's scripts; in the first, tsc (jsconfig.json)
// finds undefined names and wrong types.
export default [
  {
    files: ["sedflow/site/static/**/*.js", "sedflow/dashboard/**/*.js"],
    rules: {
      curly: ["error", "multi-line"],
      eqeqeq: "error",
      "max-lines": ["error", 250],
      "no-console": "error",
      "no-constant-condition": "error",
      "no-dupe-keys": "error",
      "no-eval": "error",
      "no-implicit-globals": "error",
      "no-param-reassign": "error",
      "no-shadow": "error",
      "no-unreachable": "error",
      "no-unused-vars": "error",
      "no-use-before-define": ["error", { functions: false, classes: false, variables: false }],
      "no-var": "error",
      "object-shorthand": "error",
      "prefer-const": "error",
    },
  },
  { files: ["sedflow/dashboard/frame/page.js"], rules: { "max-lines": ["error", 340] } },
];
