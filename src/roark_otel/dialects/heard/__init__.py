"""What an instrumentation of this package heard of a framework, where the framework's own spans leave words out.

    conversation        the call, of a framework whose own tracing is off; what is known of all of it
    |- agent_said       one stretch of speech, as long as it was heard
    |- customer_said    the same of the customer, or an entry by keypad or keyboard
    |- tool_used        one use of a tool, with its own times
    `- ended            what is known of all of it, where the root is the framework's own

Each instrumentation has a scope of its own, `roark_otel.` and the framework's name, and the framework's dialect reads
it: a dialect knows what its own spans say as well, and so says nothing twice. No folder here is a dialect of its own.
"""
