"""Which backend Keras runs on, and many steps in one dispatch on jax."""
