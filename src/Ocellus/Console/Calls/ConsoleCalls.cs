using Ocellus.Identity;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Console.Calls;

/// <summary>Runs operations of the API for the pages, with the same checks and rights as over the wire.</summary>
internal sealed class ConsoleCalls(OperationTable operations, Authorizer authorizer)
{
    /// <summary>Runs the operation that a request belongs to.</summary>
    /// <exception cref="Refusals.RefusedException">The request cannot be carried out, or the caller may not.</exception>
    /// <exception cref="Wire.FrameworkException">The request breaks a constraint of the service model.</exception>
    public async Task<TResponse> RunAsync<TRequest, TResponse>(Caller caller, TRequest request, CancellationToken cancel)
        where TRequest : class
        where TResponse : class
    {
        var operation = (Operation<TRequest, TResponse>)operations.Find(typeof(TRequest).Name[..^"Request".Length])!;
        Validation.Check(request);
        await authorizer.RequireAsync(caller, operation.Requires(request, caller), cancel);
        return await operation.RunAsync(request, caller, cancel);
    }
}
