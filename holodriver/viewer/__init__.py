"""The viewer: one page that shows focal stacks and holograms, plane by plane, in any browser."""
