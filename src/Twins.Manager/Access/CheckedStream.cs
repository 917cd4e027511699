using Google.Protobuf;
using Grpc.Core;

namespace Twins.Manager.Access;

/// <summary>A stream of messages in which one that can't be read is the caller's fault, as it is where there is only one.</summary>
internal sealed class CheckedStream<T>(IAsyncStreamReader<T> messages) : IAsyncStreamReader<T>
{
    public T Current => messages.Current;

    /// <exception cref="RpcException">INVALID_ARGUMENT: what came is no such message.</exception>
    public async Task<bool> MoveNext(CancellationToken cancellationToken)
    {
        try
        {
            return await messages.MoveNext(cancellationToken);
        }
        catch (Exception e) when (e is InvalidProtocolBufferException or InvalidDataException || e is RpcException { StatusCode: StatusCode.Internal })
        {
            throw new RpcException(new Status(StatusCode.InvalidArgument, $"A message of the stream can't be read: {e.Message}"), e.Message);
        }
    }
}
