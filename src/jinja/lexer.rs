//! Tokens of a template; hides minijinja's tokenizer.
