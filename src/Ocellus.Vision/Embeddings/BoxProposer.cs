using Ocellus.Vision.Boxes;
using Ocellus.Vision.Images;
using Ocellus.Vision.Inference;
using Ocellus.Vision.Networks;
using Ocellus.Vision.Onnx;

namespace Ocellus.Vision.Embeddings;

/// <summary>Where something may be, whatever it is.</summary>
/// <param name="Box">In ratios of the upright image.</param>
/// <param name="Score">How sure that it is a thing, 0 to 1.</param>
public readonly record struct BoxProposal(Box Box, double Score);

/// <summary>
/// Proposes boxes around things of any kind: the detector from which trainings of boxes start, with ONNX Runtime alone. About a fifth of a second an image on
/// one core. Thread-safe; each call works on its caller's thread alone.
/// </summary>
public sealed class BoxProposer : IDisposable
{
    /// <summary>Pixels of the input's sides.</summary>
    private const int Side = 512;

    /// <summary>Score below which a proposal is not worth a look.</summary>
    private const double ScoreMin = .1;

    private readonly TrainedModel _model;

    /// <exception cref="IOException">The files of the network cannot be read.</exception>
    public BoxProposer()
    {
        OnnxFile start = OnnxFile.Load(Path.Combine(Path.GetDirectoryName(FeatureExtractor.DefaultBackbone)!, "detector-start.onnx"));
        Dictionary<string, (float[], long[])> values = Detector.Names.ToDictionary(n => n, n => (start.Floats(n), start.Shape(n)), StringComparer.Ordinal);
        byte[] model = DetectorExport.Compose(OnnxFile.Load(FeatureExtractor.DefaultBackbone), values, labels: 1, Side, Side, LogitScale.None);
        _model = new TrainedModel(
            model, new ModelDescription(ModelKinds.Localization, ["thing"], Side, Side, "fit", "start", new Dictionary<string, string>()));
    }

    /// <summary>The proposals of an image, the surest first, at most 100.</summary>
    /// <param name="image">Content of a JPEG or PNG.</param>
    /// <exception cref="ImageRefusedException">Not an image that can be decoded.</exception>
    public IReadOnlyList<BoxProposal> Propose(ReadOnlyMemory<byte> image) =>
        [.. _model.Predict([_model.Prepare(image, new ImageLimits(SideMin: 1, SideMax: int.MaxValue, AspectMax: int.MaxValue))])[0]
            .Where(p => p.Score >= ScoreMin && p.Box is not null).Select(p => new BoxProposal(p.Box!.Value, p.Score))];

    public void Dispose() => _model.Dispose();
}
