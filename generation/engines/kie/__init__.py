"""kie.ai "Market jobs": Sora 2 and many others behind one protocol. Source: upstreams/generation.md §1."""
