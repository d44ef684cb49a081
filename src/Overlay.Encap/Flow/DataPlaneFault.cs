namespace Overlay.Encap.Flow;

/// <summary>Why a data plane ended without having been asked to.</summary>
/// <param name="Thread">The packet thread it began in.</param>
/// <param name="Errno">The error number of the device that failed, or 0.</param>
/// <param name="Exception">What was thrown, or null.</param>
public sealed record DataPlaneFault(string Thread, int Errno, Exception? Exception);
