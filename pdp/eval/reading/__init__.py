"""JSON text to typed, bound values, fast and carefully. Knows no request and no rule."""
