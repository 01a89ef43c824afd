"""``tocsin doctor``: looks at everything the service rests on, and says what to do."""
