"""The built-in engine: real, playable media without any model or network. It draws, and says so in the picture."""
