"""What an app adds or calls once: processor, sampler, `configure`, instrumentor, `attach_recording`."""
