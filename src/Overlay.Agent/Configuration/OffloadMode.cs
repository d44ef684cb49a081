namespace Overlay.Agent.Configuration;

/// <summary>Whether a kernel offload is used (<c>--offload-*</c>).</summary>
public enum OffloadMode
{
    /// <summary>When the kernel has it and is not known to get it wrong.</summary>
    Auto,

    /// <summary>Always; start-up fails where the kernel lacks it.</summary>
    On,

    /// <summary>Never.</summary>
    Off,
}
