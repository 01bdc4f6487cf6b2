"""The viewer: one page that shows focal stacks and holograms, focus by focus, in any browser."""
