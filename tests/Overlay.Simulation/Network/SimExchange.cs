using Grpc.Core;

namespace Overlay.Simulation.Network;

/// <summary>A stream on which one request is sent and one answer read: all that the renewal of a lease needs.</summary>
public sealed class SimExchange<TRequest, TResponse>(Func<TRequest, Task<TResponse>> call) : IClientStreamWriter<TRequest>, IAsyncStreamReader<TResponse>
{
    private Task<TResponse>? _answer;

    public WriteOptions? WriteOptions { get; set; }

    public TResponse Current => _answer!.Result;

    public Task WriteAsync(TRequest message)
    {
        _answer = call(message);
        return Task.CompletedTask;
    }

    public Task WriteAsync(TRequest message, CancellationToken cancellationToken) => WriteAsync(message);

    public Task CompleteAsync() => Task.CompletedTask;

    public async Task<bool> MoveNext(CancellationToken cancellationToken)
    {
        await _answer!.ConfigureAwait(false);
        return true;
    }
}
