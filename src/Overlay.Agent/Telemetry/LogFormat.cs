namespace Overlay.Agent.Telemetry;

/// <summary>Shape of a log line (<c>--log-format</c>). Every shape is one line on stderr.</summary>
public enum LogFormat
{
    /// <summary>UTC time, level, message.</summary>
    Text,

    /// <summary>One JSON object.</summary>
    Json,

    /// <summary>The journal's priority (<c>&lt;6&gt;</c>) and the message; the journal knows the time.</summary>
    Systemd,
}
