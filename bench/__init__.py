"""The platform's speed, measured beside the yardsticks of `../shared/bench` in one run on one machine."""
